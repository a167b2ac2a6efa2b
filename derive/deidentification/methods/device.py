"""Clean (C) of what names a device for others: PS3.15 E.3.3, Retain Device Identity Option."""

from __future__ import annotations

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element, texts_of
from derive.elements.element import Element

_DIGITS = 12


@method("cleanDevice")
def clean_device(element: Element, here: Here) -> Element | None:
    """Put names in its place that follow from the key: devices are told apart still, and none is found by its name.

    *2026-11-30.* The table has C in the column of this option for AE titles alone, where it has K for serial numbers:
    a title is given by the institution, and tells of it in its own words. With the same key it is the same name in
    every run; the value is as long as the VR allows, and differs from what it was.
    """
    texts = texts_of(element, here.encodings)
    return text_element(element, [_named(text, here) if text else "" for text in texts], here.encodings)


def _named(text: str, here: Here) -> str:
    return f"AE{here.run.secrets.digest('device', text.encode()).hex()[:_DIGITS].upper()}"
