"""Cleaners of private attributes that are safe by what they mean."""

from __future__ import annotations

from derive.deidentification.here import Here
from derive.deidentification.methods.registry import METHODS, method
from derive.deidentification.private.csa import NoCsa, cleaned_csa, is_csa
from derive.deidentification.private.protocol import cleaned_protocol
from derive.elements.element import Element


@method("cleanPrivate", "LO", "LT", "SH", "ST", "UC", "UT")
def clean_private(element: Element, here: Here) -> Element | None:
    """Clean the text of a private attribute as a descriptor is cleaned: that it is safe says only what it is for.

    Without a cleaner of descriptors it goes: an option whose cleaner is missing falls back to the Basic Profile.
    """
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
