"""What one run shares over all its objects: keys, the map of UIDs, the shifts of dates, the new names of patients."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from derive.deidentification.dates import KeyedShifts
from derive.deidentification.keys import secrets_of
from derive.deidentification.profile import Profile
from derive.deidentification.subjects import KeyedSubjects
from derive.deidentification.text.cleaning import TextCleaning
from derive.deidentification.uids import KeyedUids
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
    text : TextCleaning
        How free text is cleaned.
    """

    profile: Profile
    secrets: Secrets
    uids: UidMap
    dates: DateShifts
    subjects: Subjects
    text: TextCleaning = field(default_factory=TextCleaning)


def run_of(profile: Profile, key: str | bytes | None = None, *, key_env: str = "", key_file: Path | None = None) -> Run:
    """Return what the objects of one run share.

    Parameters
    ----------
    profile : Profile
    key : str or bytes, optional
        Of which new UIDs, shifts and names follow; a random one where none is given.
    key_env : str
        Environment variable that holds it.
    key_file : Path, optional
        File that holds it.

    Raises
    ------
    UsageError
        ``DEID-KEY``.
    """
    secrets = secrets_of(key, key_env, key_file)
    return Run(profile, secrets, KeyedUids(secrets), KeyedShifts(secrets), KeyedSubjects(secrets))
