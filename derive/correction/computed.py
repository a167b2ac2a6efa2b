"""Values that follow from what an object says itself, and from nothing else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from derive.correction.values import element_of
from derive.elements.element import tag_of
from derive.elements.instance import Instance
from derive.errors import UsageError
from derive.rewriting.change import AttributeChange
from derive.rewriting.file import StoredFile
from derive.rewriting.nested import NestedPath
from derive.told.wording import did_you_mean

Computation = Callable[[Instance], str | None]
#: What each attribute is computed from, for messages, and how.
COMPUTATIONS: dict[str, tuple[str, Computation]] = {}
#: Of the day that an age is for, the first that is there.
_DAYS = ("AcquisitionDate", "SeriesDate", "StudyDate", "ContentDate")
_MONTHS_OF_DAYS, _YEARS_OF_MONTHS = 1, 24
_LONGEST_AGE = 999
_TALLEST_M, _HEAVIEST_KG = 3.0, 700.0


def computes(keyword: str, of: str) -> Callable[[Computation], Computation]:
    """Declare how an attribute is computed, and of what."""

    def declared(computation: Computation) -> Computation:
        COMPUTATIONS[keyword] = (of, computation)
        return computation

    return declared


@computes("PatientAge", "Patient's Birth Date and the date of acquisition, series or study")
def patient_age(said: Instance) -> str | None:
    """Return the age on the day of the acquisition (AS): in days, months below two years, or years."""
    born = _date(said.text("PatientBirthDate"))
    day = next((d for d in (_date(said.text(k)) for k in _DAYS) if d), None)
    if born is None or day is None or day < born:
        return None
    months = (day.year - born.year) * 12 + day.month - born.month - (day.day < born.day)
    if months < _MONTHS_OF_DAYS:
        return f"{(day - born).days:03d}D"
    number, unit = (months, "M") if months < _YEARS_OF_MONTHS else (months // 12, "Y")
    return f"{number:03d}{unit}" if number <= _LONGEST_AGE else None


@computes("PatientBodyMassIndex", "Patient's Size and Patient's Weight")
def body_mass_index(said: Instance) -> str | None:
    """Return weight by the square of size (kg/m2); nothing for what nobody weighs or measures."""
    size_m, weight_kg = said.number("PatientSize"), said.number("PatientWeight")
    if not size_m or not weight_kg or not (0 < size_m <= _TALLEST_M and 0 < weight_kg <= _HEAVIEST_KG):
        return None
    return f"{weight_kg / size_m**2:.4g}"


@computes("AcquisitionDateTime", "Acquisition Date and Acquisition Time")
def acquisition_datetime(said: Instance) -> str | None:
    """Return date and time of the acquisition together."""
    day, time = said.text("AcquisitionDate"), said.text("AcquisitionTime")
    return day + time if _date(day) and time[:2].isdigit() else None


def _date(text: str) -> date | None:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8])) if len(text) == 8 else None
    except ValueError:
        return None


@dataclass(frozen=True)
class Computed:
    """Attributes that are computed.

    Parameters
    ----------
    keywords : tuple of str

    Raises
    ------
    UsageError
        ``COR-COMPUTE`` for one that nobody computes.
    """

    keywords: tuple[str, ...]

    def __post_init__(self) -> None:
        for keyword in self.keywords:
            if keyword not in COMPUTATIONS:
                known = ", ".join(COMPUTATIONS)
                hint = did_you_mean(keyword, COMPUTATIONS)
                raise UsageError("COR-COMPUTE", f"{keyword[:64]} is not computed{hint}; there are {known}")

    def __call__(self, stored: StoredFile, encodings: Sequence[str]) -> list[AttributeChange]:
        """Say what changes in an instance.

        Raises
        ------
        UsageError
            ``COR-COMPUTE`` where it does not say what the value follows from.
        """
        changes = []
        for keyword in self.keywords:
            of, computation = COMPUTATIONS[keyword]
            text = computation(stored.instance)
            if text is None:
                message = f"{keyword} does not follow from what {stored.name} says; it is computed of {of}"
                raise UsageError("COR-COMPUTE", message)
            path = NestedPath((), tag_of(keyword))
            changes.append(AttributeChange(path, element_of(path, text, stored, encodings)))
        return changes
