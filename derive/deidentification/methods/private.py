"""Cleaners of private attributes that are safe by what they mean."""

from __future__ import annotations

from derive.deidentification.here import Here
from derive.deidentification.methods.registry import METHODS, method
from derive.elements.element import Element


@method("cleanPrivate", "LO", "LT", "SH", "ST", "UC", "UT")
def clean_private(element: Element, here: Here) -> Element | None:
    """Clean the text of a private attribute as a descriptor is cleaned: that it is safe says only what it is for.

    Without a cleaner of descriptors it goes: an option whose cleaner is missing falls back to the Basic Profile.
    """
    cleaner = METHODS.get("cleanDescriptors")
    return cleaner.change(element, here) if cleaner is not None else None
