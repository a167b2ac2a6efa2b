"""What a PET says of its units, and of the dose that is left (PS3.3 C.8.9.1): what an uptake is computed from.

It stands apart from the operation, which imports it when there is a series to ask: help needs no pydicom.
"""

from __future__ import annotations

from derive import standard
from derive.elements.element import tag_of
from derive.elements.encoding import numbers_of
from derive.errors import UsageError
from derive.model.classes import target_of
from derive.model.decay import decay_of
from derive.model.frames import Volumes
from derive.model.source import SourceSeries

#: Philips says counts, and what makes SUV or Bq/ml of them (PS3.15 E.3.10).
_PHILIPS = (0x7053, "Philips PET Private Group")
SUV_FACTOR, ACTIVITY_FACTOR = 0x00, 0x09


def has_units(source: SourceSeries) -> bool:
    """Whether images of its class say in Units (0054,1001) what their values are."""
    return target_of(source.sop_class_uid).units_keyword == "Units"


def series_of(volumes: Volumes) -> SourceSeries:
    """Return the series that volumes are made of.

    Raises
    ------
    UsageError
        ``OP-SOURCE``
    """
    if not isinstance(volumes.source, SourceSeries):
        raise UsageError("OP-SOURCE", "an SUV needs what a series says of dose and patient, and this volume has none")
    return volumes.source


def legal_text(source: SourceSeries, keyword: str, default: str) -> str:
    """Return the text of an attribute, or what it is where nobody says it; empty where what is said is not legal."""
    return "" if tag_of(keyword) in source.illegal else source.text(keyword) or default


def dose_bq(source: SourceSeries) -> float:
    """Return what is left of the dose when values are as they are corrected, in becquerels.

    Raises
    ------
    UsageError
        ``OP-SUV`` for values that are not corrected for attenuation and decay.
    SourceError
        ``SRC-DECAY``
    """
    corrected = source.text("CorrectedImage").split("\\")
    lacking = [term for term in ("ATTN", "DECY") if term not in corrected]
    if lacking or source.text("DecayCorrection") == "NONE":
        raise UsageError(
            "OP-SUV",
            f"Corrected Image (0028,0051) lacks {', '.join(lacking) or 'nothing'}, and Decay Correction (0054,1102) is "
            f"{'NONE' if source.text('DecayCorrection') == 'NONE' else 'said'}: an SUV is of values that are corrected "
            "for attenuation and decay",
        )
    return decay_of(source).dose_bq()


def philips_number(source: SourceSeries, element: int) -> float | None:
    """Return a factor that all images of Philips state alike; 0 is none.

    Parameters
    ----------
    source : SourceSeries
    element : int
        Of its private block: ``SUV_FACTOR`` or ``ACTIVITY_FACTOR``.
    """
    row = standard.safe_private()[(*_PHILIPS, element)]
    found = source.agreement(row.tag).element
    numbers = numbers_of(found) if found is not None else []
    return numbers[0] if numbers and numbers[0] > 0 else None
