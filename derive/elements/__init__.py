"""Attributes as encoded bytes, the form in which they are read, pulled, compared and written.

It holds the noun of one attribute (:mod:`~derive.elements.element`), the way from values to bytes and back
(:mod:`~derive.elements.encoding`), character sets, the fast header parser, and what a legal value is.
It may import :mod:`derive.standard`, :mod:`derive.errors` and pydicom; never pixels or geometry.
To teach it another value representation, touch :mod:`derive.standard.vr` and ``encoding``; another rule of
what is legal belongs into :mod:`~derive.elements.legal`.
"""
