"""The check that does not trust the engine: what is left of the originals in what a de-identification wrote.

``walk`` goes through a file by itself, ``demands`` reads from the table of the standard what has to become of each
spot, and the judges (``values``, ``privates``, ``marks``, ``stored_values``, ``search``) hold a written file against
its original.
``checker`` is how one asks; ``violations.tsv`` lists what is looked for.
"""
