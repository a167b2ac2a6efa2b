"""The check of an instance of many frames (PS3.3 C.7.6.16, C.7.6.17).

Functional groups are judged as they stand, and every frame as the image that it is: its macros, shared and its own,
say in classic keywords what an image of one frame says at the top, and the same judges judge it.

``groups`` takes an instance apart; ``structure`` judges where macros stand, ``macros`` what is in them, ``dimensions``
how frames are numbered, ``kinds`` what the whole says of its frames, ``evidence`` what they refer to; ``images`` asks
the judges of classic images. ``folding`` tells once what many frames have. ``instance`` runs them all.

To check another thing of frames, write a function that takes :class:`~derive.checking.frames.groups.Grouped` and gives
findings, with its row in ``checks.tsv``, and name it in ``instance``.
"""
