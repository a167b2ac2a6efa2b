"""Methods without a secret: an attribute stays, goes, is emptied, or gets the value that a person says."""

from __future__ import annotations

import struct

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.coarse import year_kept, young_kept
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import number_bytes, padded, text_element, texts_of
from derive.elements.element import Element
from derive.errors import ValuesError
from derive.standard.value_syntax import WIDTHS, fault
from derive.standard.vr import TEXT_VRS

#: What Microsoft puts in the place of a value where nobody says other.
ANONYMOUS = "ANONYMOUS"
_PARTIAL = {"DA": "partial_dates", "DT": "partial_dates", "AS": "partial_ages"}


@method("keep")
def keep(element: Element, here: Here) -> Element | None:
    """Leave it as it is (K)."""
    return element


@method("remove")
def remove(element: Element, here: Here) -> Element | None:
    """Take it out (X)."""
    return None


@method("redact", partial_dates=bool, partial_ages=bool)
def redact(element: Element, here: Here) -> Element | None:
    """Empty it (Z).

    With ``partial_dates`` a date keeps its year, with ``partial_ages`` an age stays; but for those that tell of an age
    over 89 years (45 CFR 164.514).
    """
    setting = _PARTIAL.get(element.vr)
    if setting and here.settings.get(setting):
        kept = young_kept if element.vr == "AS" else year_kept
        stay = [text for value in texts_of(element, here.encodings) if (text := kept(value, element.vr))]
        return text_element(element, stay, here.encodings)
    return element._replace(value=b"")


@method("substitute", replace_with=str)
def substitute(element: Element, here: Here) -> Element | None:
    """Put the value of the rule in its place.

    Raises
    ------
    ValuesError
        ``DEID-VALUE`` for what is no value of its value representation.
    """
    text = str(here.settings.get("replace_with", ANONYMOUS))
    if element.vr in TEXT_VRS:
        wrong = next((w for value in text.split("\\") if (w := fault(element.vr, value))), None)
        if wrong is None:
            return text_element(element, text, here.encodings)
    else:
        try:
            return element._replace(value=number_bytes(element.vr, [float(part) for part in text.split("\\")]))
        except (ValueError, OverflowError, KeyError, struct.error):
            wrong = "is no number of it" if element.vr in WIDTHS else "cannot be said as text"
    raise ValuesError(
        "DEID-VALUE", f"the new value of {element.keyword} ({element.vr}) {wrong}; wanted one that the VR can hold"
    )


@method("refreshUID", "UI")
def refresh_uid(element: Element, here: Here) -> Element | None:
    """Give it the UID that the run has for it (U); each of several values, and a well-known one stays."""
    uids = element.value.rstrip(b" \0").decode("latin-1").split("\\")
    return element._replace(value=padded("\\".join(map(here.run.uids.new, uids)).encode(), "UI"))
