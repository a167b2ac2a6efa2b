"""Bytes to stored values to real-world values, and back; no attributes.

It holds the decoding of Pixel Data (:mod:`~derive.pixels.decode`, with the checks of a codestream before a
codec sees it), the places of the frames in it (:mod:`~derive.pixels.frames`), and the encoding of values
(:mod:`~derive.pixels.encode`); for images of any colour and any number of frames, samples that are written where
they lie (:mod:`~derive.pixels.samples`), frames encoded without loss (:mod:`~derive.pixels.recode`), blocks of JPEG
made blank (:mod:`~derive.pixels.jpeg`), and comments taken out. Colours of values are :mod:`~derive.pixels.palettes`.
It may import :mod:`derive.errors`; what it has to know of a header is given to it as plain values.
To add a transfer syntax, touch ``decode``; to add a kind of stored value, ``encode``.
"""
