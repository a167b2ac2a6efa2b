"""What one run shares over all its objects: keys, the map of UIDs, the shifts of dates, the new names of patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from derive.deidentification.profile import Profile
from derive.elements.instance import Instance


class UidMap(Protocol):
    """One map of UIDs for a whole run (``uids``)."""

    def new(self, uid: str) -> str:
        """Return what a UID is replaced by: always the same, and a well-known one (PS3.6 Annex A) by itself."""


class DateShifts(Protocol):
    """How many days the dates of an object are moved (``dates``)."""

    def days(self, instance: Instance) -> int:
        """Return the shift of the patient, study, series or instance that an object is of."""


class Subjects(Protocol):
    """Who a patient is called by afterwards (``subjects``)."""

    def patient_id(self, instance: Instance) -> str:
        """Return the new Patient ID of an object."""

    def patient_name(self, instance: Instance) -> str:
        """Return the new Patient's Name of an object."""


class Secrets(Protocol):
    """What is derived of the key; nothing gives the key itself (``keys``)."""

    def digest(self, purpose: str, text: bytes, algorithm: str = "sha256") -> bytes:
        """Return the keyed digest (HMAC) of a text for one purpose."""


@dataclass(frozen=True)
class Run:
    """What all objects of one run share.

    Parameters
    ----------
    profile : Profile
    secrets : Secrets
    uids : UidMap
    dates : DateShifts
    subjects : Subjects
    """

    profile: Profile
    secrets: Secrets
    uids: UidMap
    dates: DateShifts
    subjects: Subjects
