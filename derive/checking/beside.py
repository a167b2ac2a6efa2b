"""Attributes that contradict each other within one instance, or lie outside of what there can be."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from importlib.resources import files

from derive import standard
from derive.checking.finding import Finding
from derive.checking.instance import Judged
from derive.checking.judge import Judge, reads
from derive.elements.element import tag_of
from derive.elements.instance import Instance
from derive.told.secrecy import shown_term

_ONE_SAMPLE = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_THREE_SAMPLES = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_ICT", "YBR_RCT")
_SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}
_DIRECTIONS = frozenset("LRAPHF")
_ENDS = ("LR", "AP", "HF")


@reads("PhotometricInterpretation", "SamplesPerPixel")
def _samples(instance: Judged) -> Iterator[Finding]:
    samples, photometric = instance.number("SamplesPerPixel"), instance.text("PhotometricInterpretation")
    wanted = 1 if photometric in _ONE_SAMPLE else 3 if photometric in _THREE_SAMPLES else None
    if samples is not None and wanted is not None and samples != wanted:
        message = f"is {samples:g}, and Photometric Interpretation {photometric} has {wanted}"
        yield instance.find("CHK-SAMPLES", "SamplesPerPixel", message)


@reads("PhotometricInterpretation", "PresentationLUTShape")
def _shape(instance: Judged) -> Iterator[Finding]:
    shape, wanted = instance.text("PresentationLUTShape"), _SHAPES.get(instance.text("PhotometricInterpretation"))
    if wanted and shape in _SHAPES.values() and shape != wanted:
        photometric = instance.text("PhotometricInterpretation")
        message = f"is {shape}; wanted {wanted}, which goes with {photometric}"
        yield instance.find("CHK-LUT-SHAPE", "PresentationLUTShape", message)


@reads("PatientOrientation", "AnatomicalOrientationType")
def _orientation(instance: Judged) -> Iterator[Finding]:
    """Letters of a person's directions; those of an animal have two (C.7.6.1.1.1)."""
    if instance.text("AnatomicalOrientationType") == "QUADRUPED":
        return
    for number, letters in enumerate(instance.texts("PatientOrientation"), 1):
        if set(letters) - _DIRECTIONS or any(len(set(letters) & set(ends)) > 1 for ends in _ENDS):
            message = (
                f"has a value {number} that is no direction; wanted letters of L, R, A, P, H and F, one a direction"
            )
            yield instance.find("CHK-ORIENTATION", "PatientOrientation", message)


@reads("Modality")
def _modality(instance: Judged) -> Iterator[Finding]:
    """A class of one modality has that (PS3.3 A.2 and following: the modality of the series)."""
    wanted = instance.target.modality.strip("*") if instance.target else ""
    said = instance.text("Modality")
    if said and wanted and said != wanted:
        message = f"is {shown_term(said, standard.known_terms())}; an instance of {instance.iod.name} is of {wanted}"
        yield instance.find("CHK-MODALITY", "Modality", message)


@reads("TemporalPositionIdentifier", "NumberOfTemporalPositions")
def _temporal(instance: Judged) -> Iterator[Finding]:
    position, count = (instance.number(k) for k in ("TemporalPositionIdentifier", "NumberOfTemporalPositions"))
    if position is not None and count is not None and not 1 <= position <= count:
        message = f"is {position:g}; there are {count:g} temporal positions"
        yield instance.find("CHK-TEMPORAL", "TemporalPositionIdentifier", message)


#: Pairs of dates of which the first cannot lie after the second.
_BEFORE = (
    ("PatientBirthDate", "StudyDate"),
    ("PatientBirthDate", "AcquisitionDate"),
    ("StudyDate", "SeriesDate"),
    ("AcquisitionDate", "ContentDate"),
)
_TIMES = {"AcquisitionDate": "AcquisitionTime", "ContentDate": "ContentTime"}


@reads(*{k for pair in _BEFORE for k in pair}, *_TIMES.values(), "AcquisitionDateTime")
def _dates(instance: Judged) -> Iterator[Finding]:
    """What came first has the earlier date; on one day the times are compared as well, to the second."""
    for first, second in _BEFORE:
        earlier, later = _moment(instance, first), _moment(instance, second)
        if earlier and later and earlier[0] == later[0] and not (earlier[1] and later[1]):
            continue
        if earlier and later and earlier > later:
            yield instance.find("CHK-DATES", first, f"is after {second}")


def _moment(instance: Judged, keyword: str) -> tuple[str, str] | None:
    """Date, and time to the second where both ends have one; None without a date."""
    day = instance.text(keyword).replace(".", "")
    time = instance.text(_TIMES.get(keyword, "")) if keyword in _TIMES else ""
    if not day and keyword == "AcquisitionDate":
        moment = instance.text("AcquisitionDateTime")
        day, time = moment[:8], moment[8:14]
    if len(day) != 8 or not day.isdecimal():
        return None
    return day, time[:6] if time[:6].isdecimal() and len(time) >= 6 else ""


@dataclass(frozen=True)
class Limit:
    """A row of ``limits.tsv``: numbers that an attribute cannot have.

    Parameters
    ----------
    path : tuple of str
        Keywords, the last one that of the attribute.
    least : float
    open : bool
        Whether the least number is itself no legal one.
    unit : str
    """

    path: tuple[str, ...]
    least: float
    open: bool
    unit: str


@cache
def limits() -> tuple[Limit, ...]:
    """Return all rows of the table."""
    text = files(__package__).joinpath("limits.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(
        Limit(
            tuple(row["path"].split(">")), float(row["least"].lstrip("> ")), row["least"].startswith(">"), row["unit"]
        )
        for row in rows
    )


def _limited(limit: Limit, instance: Judged) -> Iterator[Finding]:
    holders: list[tuple[Instance, str]] = [(instance, "")]
    for keyword in limit.path[:-1]:
        holders = [
            (item, f"{path}{keyword}>item {number}>")
            for holder, path in holders
            for number, item in enumerate(holder.items(keyword), 1)
        ]
    for holder, path in holders:
        for number in holder.numbers(limit.path[-1]):
            if number < limit.least or (limit.open and number == limit.least):
                wanted = f"above {limit.least:g}" if limit.open else f"{limit.least:g} or more"
                yield instance.find("CHK-RANGE", path + limit.path[-1], f"is {number:g} {limit.unit}; wanted {wanted}")


def _limit_judges() -> tuple[Judge, ...]:
    judging: Callable[[Limit], Judge] = lambda limit: Judge(  # noqa: E731
        partial(_limited, limit), frozenset({tag_of(limit.path[0])})
    )
    return tuple(map(judging, limits()))


#: Of attributes that stand beside each other, and of numbers.
JUDGES = (_samples, _shape, _orientation, _modality, _temporal, _dates, *_limit_judges())
#: What is judged of frames.
OF_FRAMES = _limit_judges()
