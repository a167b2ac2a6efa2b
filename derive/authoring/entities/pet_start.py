"""PET: Series Date and Time, from which times of frames are counted and to which values are corrected (C.8.9.1.1.2).

*2026-12-01.* They are the source's, and not those of now. Where the source was itself made later than its images were
acquired, they lie behind what they should begin, and what tells the true start may not reach the result: the private
scan time of GE does not. So the result says the start itself. Of ADMIN and NONE the source's stand: decay is counted
from elsewhere, Frame Reference Time from there.
"""

from __future__ import annotations

from datetime import datetime

from derive.authoring.entities.registry import per_series
from derive.authoring.order import Authoring
from derive.elements.element import Element, tag_of
from derive.errors import SourceError
from derive.model.counted import CLOCK_S, series_moment
from derive.model.decay import zero_of
from derive.model.moments import date_told, time_told


@per_series("SeriesDate", module="pet-series", sticky=True)
def series_date(authoring: Authoring) -> str | Element | None:
    """PET: return the date of the start of the acquisition, or the source's."""
    start = _start(authoring)
    return _said(authoring, "SeriesDate") if start is None else date_told(start)


@per_series("SeriesTime", module="pet-series", sticky=True)
def series_time(authoring: Authoring) -> str | Element | None:
    """PET: return the time of the start of the acquisition, or the source's."""
    start = _start(authoring)
    return _said(authoring, "SeriesTime") if start is None else time_told(start)


def _said(authoring: Authoring, keyword: str) -> Element | None:
    return authoring.source.agreement(tag_of(keyword)).element


def _start(authoring: Authoring) -> datetime | None:
    """Return the start that the source's own images tell, where it is another than Series Date and Time say."""
    source = authoring.source
    if authoring.derivation.passes or source.text("DecayCorrection") != "START":
        return None
    try:
        start = zero_of(source).moment
    except SourceError:
        return None
    said = series_moment(source)
    return start if said is None or (said - start).total_seconds() > CLOCK_S else None
