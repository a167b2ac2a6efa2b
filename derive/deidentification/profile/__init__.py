"""What is wanted: a profile with its options, rules of one's own, and all that a caller can say of a run.

``wanted`` settles it and refuses before any file is read. ``profile`` are the profile and its options (PS3.15 E.3,
``options.tsv``) under all the names that they have, ``bases`` what other bases than the Basic Profile make of an
attribute, ``rule`` an address with its method, ``needed`` what no rule takes away.
"""
