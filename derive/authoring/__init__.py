"""Frames and a source become instances: the pull.

An order says what is to be made; it is prepared (encoding, window, UIDs, character set), and assembled by
walking the attributes of the IOD, for each of which ``policy.tsv`` decides; ``entities/`` computes those that are
not pulled.
It may import the nouns (model), elements, pixels and standard; it reads no file and knows no operation.
To decide otherwise of an attribute, change its row in ``policy.tsv``; to compute one, add a builder to ``entities/``.
"""
