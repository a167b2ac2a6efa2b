"""Values of ``terms.tsv`` that have to be computed: times, matrices, and parts of the body."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from derive import standard
from derive.elements.element import Element
from derive.elements.instance import Instance
from derive.model.moments import date_told, moment_of, time_told

_MAPPING = "RealWorldValueMappingSequence"
_PER_MS = timedelta(milliseconds=1)
_STEPS = ("MRAcquisitionFrequencyEncodingSteps", "MRAcquisitionPhaseEncodingStepsInPlane")
_WHOLE_BODY = "IEC_WHOLE_BODY"


class Telling:
    """What an image says, asked leniently: by keyword, or by a path into the only item of a sequence.

    Of real-world value mappings the one counts that gives what rescaling gives: its units are those of the values.
    """

    def __init__(self, elements: Mapping[int, Element]) -> None:
        self._image = Instance("an image", elements, strict=False)

    def value(self, path: str) -> Any:
        """Return the decoded value; None where nothing is said."""
        found = self._holder(path)
        return found[0].value(found[1]) if found else None

    def element(self, path: str) -> Element | None:
        """Return it as encoded."""
        found = self._holder(path)
        return found[0].element(found[1]) if found else None

    def texts(self, path: str) -> list[str]:
        """Return all values as text."""
        found = self._holder(path)
        return found[0].texts(found[1]) if found else []

    def text(self, path: str) -> str:
        """Return the first value as text; empty where nothing is said."""
        return next(iter(self.texts(path)), "")

    def numbers(self, path: str) -> tuple[float, ...]:
        """Return all values as numbers."""
        found = self._holder(path)
        return found[0].numbers(found[1]) if found else ()

    def items(self, keyword: str) -> tuple[Instance, ...]:
        """Return the items of a sequence."""
        return self._image.items(keyword)

    def _holder(self, path: str) -> tuple[Instance, str] | None:
        *sequences, keyword = path.split(">")
        holder = self._image
        for sequence in sequences:
            items = holder.items(sequence)
            if sequence == _MAPPING:
                items = tuple(item for item in items if self._as_rescaled(item))
            if len(items) != 1:
                return None
            (holder,) = items
        return holder, keyword

    def _as_rescaled(self, mapping: Instance) -> bool:
        ours = (self._image.number("RescaleSlope"), self._image.number("RescaleIntercept"))
        theirs = (mapping.number("RealWorldValueSlope"), mapping.number("RealWorldValueIntercept"))
        pairs = zip(ours, theirs, strict=True)
        return all(a is not None and b is not None and math.isclose(a, b, rel_tol=1e-6) for a, b in pairs)


class TermFunction(NamedTuple):
    """What finds a value, and the keywords that it reads."""

    of: Callable[[Telling], Any]
    reads: tuple[str, ...]


def _series_moment(said: Telling) -> datetime | None:
    return moment_of(said.text("SeriesDate") + said.text("SeriesTime"))


def _told(moment: datetime) -> str:
    return date_told(moment) + time_told(moment)


def _frame_reference_time(said: Telling) -> float | None:
    start, frame = _series_moment(said), moment_of(said.text("FrameReferenceDateTime"))
    return (frame - start) / _PER_MS if start and frame else None


def _frame_reference_date_time(said: Telling) -> str | None:
    start, after = _series_moment(said), said.numbers("FrameReferenceTime")
    return _told(start + after[0] * _PER_MS) if start and after else None


def _series_date_time(said: Telling) -> str | None:
    start = _series_moment(said)
    return _told(start) if start else None


def _acquisition_date_time(said: Telling) -> str | None:
    start = moment_of(said.text("AcquisitionDate") + said.text("AcquisitionTime"))
    return _told(start) if start else None


def _decay_correction(said: Telling) -> str | None:
    corrected = moment_of(said.text("DecayCorrectionDateTime"))
    if corrected is None:
        return None
    given = moment_of(said.text("RadiopharmaceuticalInformationSequence>RadiopharmaceuticalStartDateTime"))
    return "START" if corrected == _series_moment(said) else "ADMIN" if corrected == given else None


def _whole_body_sar(said: Telling) -> float | None:
    for item in said.items("SpecificAbsorptionRateSequence"):
        if item.text("SpecificAbsorptionRateDefinition") == _WHOLE_BODY:
            return item.number("SpecificAbsorptionRateValue")
    return None


def _acquisition_matrix(said: Telling) -> list[int] | None:
    """Return frequency rows, frequency columns, phase rows, phase columns (C.8.3.1)."""
    steps = [value for keyword in _STEPS for value in said.numbers(keyword)]
    if len(steps) != len(_STEPS):
        return None
    frequency, phase = map(int, steps)
    matrices = {"ROW": [0, frequency, phase, 0], "COL": [frequency, 0, 0, phase]}
    return matrices.get(said.text("InPlanePhaseEncodingDirection"))


def _steps(said: Telling, first: int) -> int | None:
    matrix = said.numbers("AcquisitionMatrix")
    given = [int(v) for v in matrix[first : first + 2] if v]
    return given[0] if len(given) == 1 else None


def _diffusion_directionality(said: Telling) -> str | None:
    weighted = any(said.numbers("DiffusionBValue"))
    if not weighted:
        return "NONE"
    return "DIRECTIONAL" if said.numbers("DiffusionGradientOrientation") else None


def _body_part(said: Telling) -> str | None:
    """Return the term of the only region; that which has the code, whatever its modifiers."""
    return standard.body_part_of(
        said.text("AnatomicRegionSequence>CodingSchemeDesignator"), said.text("AnatomicRegionSequence>CodeValue")
    )


def _anatomic_region(said: Telling) -> list[dict[str, str]] | None:
    region = standard.anatomic_region(said.text("BodyPartExamined"))
    if region is None:
        return None
    code = {"CodeValue": region.code, "CodingSchemeDesignator": region.scheme, "CodeMeaning": region.meaning}
    return [code]


def _unpaired(said: Telling) -> str | None:
    region = standard.anatomic_region(said.text("BodyPartExamined"))
    return "U" if region is not None and not region.paired else None


_SERIES = ("SeriesDate", "SeriesTime")

#: By name.
FOUND: Mapping[str, TermFunction] = MappingProxyType(
    {
        "frame_reference_time": TermFunction(_frame_reference_time, (*_SERIES, "FrameReferenceDateTime")),
        "frame_reference_date_time": TermFunction(_frame_reference_date_time, (*_SERIES, "FrameReferenceTime")),
        "series_date_time": TermFunction(_series_date_time, _SERIES),
        "acquisition_date_time": TermFunction(_acquisition_date_time, ("AcquisitionDate", "AcquisitionTime")),
        "decay_correction": TermFunction(
            _decay_correction, (*_SERIES, "DecayCorrectionDateTime", "RadiopharmaceuticalInformationSequence")
        ),
        "whole_body_sar": TermFunction(_whole_body_sar, ("SpecificAbsorptionRateSequence",)),
        "acquisition_matrix": TermFunction(_acquisition_matrix, (*_STEPS, "InPlanePhaseEncodingDirection")),
        "frequency_steps": TermFunction(lambda said: _steps(said, 0), ("AcquisitionMatrix",)),
        "phase_steps": TermFunction(lambda said: _steps(said, 2), ("AcquisitionMatrix",)),
        "diffusion_directionality": TermFunction(
            _diffusion_directionality, ("DiffusionBValue", "DiffusionGradientOrientation")
        ),
        "body_part": TermFunction(_body_part, ("AnatomicRegionSequence",)),
        "anatomic_region": TermFunction(_anatomic_region, ("BodyPartExamined",)),
        "unpaired": TermFunction(_unpaired, ("BodyPartExamined",)),
    }
)
