"""Cleaners of private attributes that are safe by what they mean."""

from __future__ import annotations

import re

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.registry import METHODS, method
from derive.deidentification.private.csa import cleaned_csa
from derive.deidentification.private.numbers import is_like_a_date
from derive.deidentification.private.protocol import cleaned_protocol
from derive.elements.csa import NoCsa, is_csa
from derive.elements.element import Element

#: How each value of what is no free text has to look; all else that stands there goes.
_SHAPES = {
    "AS": re.compile(rb"\d{3}[DWMY]"),
    "CS": re.compile(rb"[A-Z0-9_ ]{0,16}"),
    "DS": re.compile(rb"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"),
    "IS": re.compile(rb"[-+]?\d+"),
}


@method("cleanPrivate", "LO", "LT", "SH", "ST", "UC", "UT", *_SHAPES)
def clean_private(element: Element, here: Here) -> Element | None:
    """Clean a private attribute that is safe by what it means; what it holds is looked at all the same.

    Text is cleaned as a descriptor is; a number, age or term stays while it is one. Without a cleaner of descriptors
    text goes: an option whose cleaner is missing falls back to the Basic Profile.
    """
    shape = _SHAPES.get(element.vr)
    if shape is not None:
        values = [value.strip() for value in element.stripped().split(b"\\")]
        fits = all(shape.fullmatch(v) and not is_like_a_date(v.decode("ascii")) for v in values)
        return element if values == [b""] or fits else None
    cleaner = METHODS.get("cleanDescriptors")
    return cleaner.change(element, here) if cleaner is not None else None


@method("cleanCsa", keep=list)
def clean_csa(element: Element, here: Here) -> Element | None:
    """Clean a CSA header of Siemens, or its protocol as text; what is neither goes.

    Notes
    -----
    ``keep`` names more items that a person vouches for.
    """
    vouched = here.settings.get("keep", ())
    names = tuple(str(name) for name in vouched) if isinstance(vouched, list | tuple) else ()
    cleaned = _cleaned_value(element.value, here.run.profile.options, names)
    return element._replace(value=cleaned + b"\0" * (len(cleaned) % 2)) if cleaned else None


def _cleaned_value(value: bytes, options: tuple[str, ...], keep: tuple[str, ...]) -> bytes | None:
    if is_csa(value):
        try:
            return cleaned_csa(value, options, keep)
        except NoCsa:
            return None
    return cleaned_protocol(value.decode("latin-1")).encode("latin-1")
