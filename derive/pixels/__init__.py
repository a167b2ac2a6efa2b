"""Bytes to stored values to real-world values, and back; no attributes.

It holds the decoding of Pixel Data (:mod:`~derive.pixels.decode`, with the checks of a codestream before a
codec sees it) and the encoding of values (:mod:`~derive.pixels.encode`).
It may import :mod:`derive.errors`; what it has to know of a header is given to it as plain values.
To add a transfer syntax, touch ``decode``; to add a kind of stored value, ``encode``.
"""
