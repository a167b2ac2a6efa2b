"""The nouns that go down the line, all of them frozen.

Where voxels are (geometry, planes, axes, reorient), what they hold (volume, frames, window, grey), what they come from
(source, which stacking makes a volume of), what is done, by what and under which names (derivation, algorithm, uids),
and the classes that are read and made (classes, with ``classes.tsv``). What multi-frame images say of their frames is
told in classic keywords and made of them again: functional_groups and composing, with a table of values in
macro_values; and terms, where the two forms say the same thing in different attributes.
It may import elements, pixels, parallel, standard and errors; it opens no file and makes no instance.
To read or make another class, add a row to ``classes.tsv``.
"""
