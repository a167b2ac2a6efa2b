"""What one run shares over all its objects: keys, the map of UIDs, the shifts of dates, the new names of patients.

A run is told of every object of the set before the first one is changed (:meth:`Run.seen`); nothing of what it gives
depends on the order of objects, so that several processes may each work on some of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.dates import FIRST_DAYS, LAST_DAYS, KeyedShifts
from derive.deidentification.run.dummies import checked_dummies
from derive.deidentification.run.id_map import add_to_id_map, read_id_map
from derive.deidentification.run.keys import KeyedSecrets, secrets_of
from derive.deidentification.run.subjects import KeyedSubjects, ListedSubjects, NamedSubject
from derive.deidentification.run.uids import KeyedUids, RecordedUids, checked_map, secrets_kept
from derive.deidentification.text.cleaning import TextCleaning
from derive.deidentification.text.known import KnownIdentifiers
from derive.elements.instance import Instance
from derive.errors import UsageError
from derive.settings import load_settings
from derive.told.wording import flag

#: UIDs by which others refer to an object, or to what it is part of.
_NAMES = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
EXTERNAL = ("map", "remove")


@dataclass(frozen=True)
class RunPlan:
    """What a person says of the things that the objects of a run share.

    Parameters
    ----------
    key_env : str
        Environment variable that holds the key; empty for what ``derive.toml`` says, if it says anything.
    key_file : Path, optional
        File that holds the key.
    uid_map : Path, optional
        SQLite file that keeps what became of each UID.
    external : str
        What becomes of references to objects outside of the set: ``map`` or ``remove``.
    date_scope : str
        What has one shift: ``patient``, ``study``, ``series`` or ``instance``.
    date_shift : (int, int)
        First and last day of the range of shifts.
    patient_id, patient_name : str
        Of the one patient of the set; empty for what follows of the key.
    id_map : Path, optional
        CSV file of old and new Patient IDs.
    id_map_create : bool
        Whether patients that it lacks are added to it.
    text : TextCleaning
        How free text is cleaned.
    dummies : mapping of str to str
        What replaces values, by value representation or by keyword, instead of the usual.
    dry_run : bool
        Whether nothing is written: no map and no table.

    Raises
    ------
    UsageError
        ``DEID-SUBJECT``, ``DEID-EXTERNAL``.
    """

    key_env: str = ""
    key_file: Path | None = None
    uid_map: Path | None = None
    external: str = EXTERNAL[0]
    date_scope: str = "patient"
    date_shift: tuple[int, int] = (FIRST_DAYS, LAST_DAYS)
    patient_id: str = ""
    patient_name: str = ""
    id_map: Path | None = None
    id_map_create: bool = False
    text: TextCleaning = field(default_factory=TextCleaning)
    dummies: Mapping[str, str] = field(default_factory=dict, hash=False)
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.external not in EXTERNAL:
            raise UsageError("DEID-EXTERNAL", f"there is no {self.external!r}; there are {', '.join(EXTERNAL)}")
        if self.id_map is not None and (self.patient_id or self.patient_name):
            raise UsageError("DEID-SUBJECT", f"{flag('id_map')} and {flag('patient_id')} exclude each other")
        if self.id_map_create and self.id_map is None:
            raise UsageError("DEID-SUBJECT", f"{flag('id_map_create')} wants {flag('id_map', 'FILE')}")


@dataclass(frozen=True)
class Run:
    """What all objects of one run share.

    Parameters
    ----------
    profile : Profile
    secrets : KeyedSecrets
    uids : KeyedUids
    dates : KeyedShifts
    subjects : KeyedSubjects
    text : TextCleaning
        How free text is cleaned.
    dummies : mapping of str to str
        What replaces values, by value representation or by keyword, instead of the usual.
    id_map : Path, optional
        Where patients are written that were not listed.
    known : KnownIdentifiers
        By what each patient is named in any object of the set.
    """

    profile: Profile
    secrets: KeyedSecrets
    uids: KeyedUids
    dates: KeyedShifts
    subjects: KeyedSubjects
    text: TextCleaning = field(default_factory=TextCleaning)
    dummies: Mapping[str, str] = field(default_factory=dict, hash=False)
    id_map: Path | None = None
    known: KnownIdentifiers = field(default_factory=KnownIdentifiers, hash=False)

    def seen(self, instance: Instance) -> None:
        """Hear of an object of the set, before the first one is changed.

        Raises
        ------
        SourceError
            ``DEID-PATIENTS``, ``DEID-ID-MAP``, ``DEID-ISSUER`` for a patient that cannot be called by a new name.
        """
        self.subjects.seen(instance)
        self.known.seen(instance)
        self.uids.seen(instance.lenient.text(name) for name in _NAMES)

    def keep(self) -> None:
        """Write down which patients are new, before the first object of the set is written.

        Raises
        ------
        OutputError
            ``DEID-ID-MAP``.
        """
        if self.id_map is not None and isinstance(self.subjects, ListedSubjects):
            add_to_id_map(self.id_map, self.subjects.added)


def run_of(profile: Profile, key: str | bytes | None = None, plan: RunPlan | None = None) -> Run:
    """Return what the objects of one run share.

    Parameters
    ----------
    profile : Profile
    key : str or bytes, optional
        Of which new UIDs, shifts and names follow; that of the plan, of ``derive.toml``, of the map of UIDs, or a
        random one where none is given.
    plan : RunPlan, optional

    Raises
    ------
    UsageError
        ``DEID-KEY``, ``DEID-UID-MAP``, ``DEID-ID-MAP``, ``DEID-SUBJECT``, ``DEID-DATES``, ``DEID-DUMMY``.
    """
    plan = plan or RunPlan()
    secrets = _secrets(key, plan)
    shifts = KeyedShifts(secrets, plan.date_scope, *plan.date_shift)
    dummies = checked_dummies(plan.dummies)
    return Run(
        profile, secrets, _uids(secrets, plan), shifts, _subjects(secrets, plan), plan.text, dummies, plan.id_map
    )


def _secrets(key: str | bytes | None, plan: RunPlan) -> KeyedSecrets:
    if key is None and not plan.key_env and plan.key_file is None:
        settings = load_settings()
        found = secrets_of(None, settings.key_env, settings.key_file)
    else:
        found = secrets_of(key, plan.key_env, plan.key_file)
    path = _map(plan)
    return secrets_kept(path, not plan.dry_run) if found.is_random and path is not None else found


def _map(plan: RunPlan) -> Path | None:
    """The map of UIDs that is there, or that is to be begun."""
    return plan.uid_map if plan.uid_map is None or plan.uid_map.exists() or not plan.dry_run else None


def _uids(secrets: KeyedSecrets, plan: RunPlan) -> KeyedUids:
    removes = plan.external != EXTERNAL[0]
    path = _map(plan)
    if path is None:
        return KeyedUids(secrets, removes)
    checked_map(path, not plan.dry_run)
    return RecordedUids(secrets, removes, path=path, writes=not plan.dry_run)


def _subjects(secrets: KeyedSecrets, plan: RunPlan) -> KeyedSubjects:
    if plan.id_map is not None:
        listed = read_id_map(plan.id_map, plan.id_map_create)
        return ListedSubjects(secrets, listed=listed, where=str(plan.id_map), creates=plan.id_map_create)
    if plan.patient_id or plan.patient_name:
        return NamedSubject(secrets, new_id=plan.patient_id, new_name=plan.patient_name)
    return KeyedSubjects(secrets)
