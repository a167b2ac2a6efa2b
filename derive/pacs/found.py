"""What an archive says that it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    """

    study_instance_uid: str
    series_instance_uid: str
    modality: str = ""
    series_number: int | None = None
    series_description: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    instances: int | None = None

    @classmethod
    def of(cls, said: Mapping[str, str]) -> FoundSeries:
        """Take what an archive said, as keyword: text."""
        return cls(
            said.get("StudyInstanceUID", ""),
            said.get("SeriesInstanceUID", ""),
            said.get("Modality", ""),
            _number(said.get("SeriesNumber", "")),
            said.get("SeriesDescription", ""),
            said.get("PatientID", ""),
            _number(said.get("NumberOfSeriesRelatedInstances", "")),
        )


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
