"""What an archive says that it has, and whether that is all: studies, series, instances, each a frozen value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

from derive.told.wording import flag

Item = TypeVar("Item")

#: What is asked for of a study, and of a series; the keys of a question may be any of these.
STUDY_KEYWORDS = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "PatientID",
    "PatientName",
    "StudyDescription",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)
SERIES_KEYWORDS = ("Modality", "SeriesNumber", "SeriesDescription", "NumberOfSeriesRelatedInstances")


@dataclass(frozen=True)
class Listing(Generic[Item]):
    """What an archive listed.

    An archive may give less than it has: it has a limit of its own, ran out of resources, knows no paging. So a listing
    says what is there, and only if it is whole what is not.

    Parameters
    ----------
    items : tuple
    cut : str
        Why there may be more, in words; empty where the archive ended the list in order. Even then there may be more:
        some archives have a limit, and do not say so.
    """

    items: tuple[Item, ...] = ()
    cut: str = ""

    @property
    def whole(self) -> bool:
        """Whether the archive ended it in order."""
        return not self.cut

    def __iter__(self) -> Iterator[Item]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True)
class FoundStudy:
    """A study of an archive; what tells of the patient is not in its repr, so that it is in no log.

    Parameters
    ----------
    study_instance_uid : str
    study_date, study_time : str
        As DICOM has them, ``20260131`` and ``093000``; empty, as all texts here, where the archive does not say.
    accession_number, patient_id, patient_name, study_description : str
    modalities : tuple of str
        Of its series.
    series, instances : int, optional
        How many there are; None where the archive does not say.
    """

    study_instance_uid: str
    study_date: str = field(default="", repr=False)
    study_time: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    patient_name: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)
    modalities: tuple[str, ...] = ()
    series: int | None = None
    instances: int | None = None

    @classmethod
    def of(cls, said: Mapping[str, str]) -> FoundStudy:
        """Take what an archive said, as keyword: text."""
        return cls(
            said.get("StudyInstanceUID", ""),
            said.get("StudyDate", ""),
            said.get("StudyTime", ""),
            said.get("AccessionNumber", ""),
            said.get("PatientID", ""),
            said.get("PatientName", ""),
            said.get("StudyDescription", ""),
            tuple(m.strip() for m in said.get("ModalitiesInStudy", "").split("\\") if m.strip()),
            number(said.get("NumberOfStudyRelatedSeries", "")),
            number(said.get("NumberOfStudyRelatedInstances", "")),
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return asdict(self) | {"modalities": list(self.modalities)}


@dataclass(frozen=True)
class FoundSeries:
    """A series of an archive; what tells of the patient is not in its repr, so that it is in no log.

    Parameters
    ----------
    study_instance_uid, series_instance_uid : str
    modality : str
        Empty where the archive does not say.
    series_number : int, optional
    series_description, patient_id : str
        Empty where the archive does not say.
    instances : int, optional
        How many the archive says there are; None where it does not say. Many do not: count the instances themselves.
    patient_name, study_date, accession_number, study_description : str
    """

    study_instance_uid: str
    series_instance_uid: str
    modality: str = ""
    series_number: int | None = None
    series_description: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    instances: int | None = None
    patient_name: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    accession_number: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)

    @classmethod
    def of(cls, said: Mapping[str, str]) -> FoundSeries:
        """Take what an archive said, as keyword: text."""
        return cls(
            said.get("StudyInstanceUID", ""),
            said.get("SeriesInstanceUID", ""),
            said.get("Modality", ""),
            number(said.get("SeriesNumber", "")),
            said.get("SeriesDescription", ""),
            said.get("PatientID", ""),
            number(said.get("NumberOfSeriesRelatedInstances", "")),
            *(said.get(k, "") for k in ("PatientName", "StudyDate", "AccessionNumber", "StudyDescription")),
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return asdict(self)


def limited_to(limit: int) -> str:
    """Say that there is more than was wanted."""
    return f"there are more than {limit}; {flag('limit', 'N')} says how many are listed"


def number(text: str) -> int | None:
    """Return a count or number that an archive said; None for what is none (IS, PS3.5 6.2)."""
    plain = text.strip()
    return int(plain) if plain.isascii() and plain.removeprefix("-").isdigit() and len(plain) <= 12 else None
