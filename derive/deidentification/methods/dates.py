"""Methods for dates, times and ages."""

from __future__ import annotations

from derive.deidentification.dates import shifted
from derive.deidentification.here import Here
from derive.deidentification.methods.dummy import replace
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import text_element, texts_of
from derive.elements.element import Element


@method("dateShift", "DA", "DT", "TM")
def date_shift(element: Element, here: Here) -> Element | None:
    """Move it by the shift of its patient: dates of DA and DT together; a time (TM) stays, as shifts are whole days.

    What is no date cannot be moved and may say anything: it becomes a dummy where a value is required, and is emptied
    elsewhere.
    """
    if element.vr == "TM" or not element.stripped():
        return element
    days = here.run.dates.days(here.instance)
    moved = [text and shifted(text, days) for text in texts_of(element, here.encodings)]
    if any(text is None for text in moved):
        return replace(element, here) if here.type in ("1", "1C") else element._replace(value=b"")
    return text_element(element, [text or "" for text in moved], here.encodings)
