"""Who a patient is called by afterwards: by a person's word, by a table of theirs, or by what follows of the key.

*2026-11-30, a patient is told by the Patient ID alone.* Objects of one patient often do not agree on its issuer: a
workstation leaves it out. With the issuer in it one patient would become two, and dates would no longer be comparable.
Two issuers that are both said and differ may mean two people with one number, or one person and two spellings: that
is refused until a person says which (``--id-map`` with a row, or ``--patient-id``).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

from derive.deidentification.run.keys import KeyedSecrets
from derive.elements.instance import Instance
from derive.errors import SourceError, UsageError
from derive.standard.value_syntax import fault
from derive.told.wording import flag

#: New names are remembered of so many patients.
_MOST_KEPT = 4096


def patient_of(instance: Instance) -> str:
    """Return the text by which objects of one patient are told: the Patient ID; the study of one that names nobody."""
    said = instance.lenient
    return said.text("PatientID") or f"study {said.text('StudyInstanceUID')}"


@dataclass(frozen=True)
class KeyedSubjects:
    """New names by the key: the same patient is called the same in every run with it.

    Parameters
    ----------
    secrets : KeyedSecrets
    """

    secrets: KeyedSecrets
    _issuers: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    _known: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def patient_id(self, instance: Instance) -> str:
        """Return the new Patient ID of an object."""
        self.seen(instance)
        return self._of(patient_of(instance))

    def patient_name(self, instance: Instance) -> str:
        """Return the new Patient's Name of an object."""
        return self.patient_id(instance)

    def seen(self, instance: Instance) -> None:
        """Hear that an object is of the set.

        Raises
        ------
        SourceError
            ``DEID-ISSUER`` where one Patient ID is of two issuers.
        """
        issuer = instance.lenient.text("IssuerOfPatientID")
        if issuer and self._issuers.setdefault(patient_of(instance), issuer) != issuer:
            raise SourceError(
                "DEID-ISSUER",
                f"{instance.name}: its Patient ID is that of another object, and its Issuer of Patient ID is another: "
                f"one patient or two cannot be told; if it is one, say so by {flag('id_map', 'FILE')} with a row for "
                f"it, or {flag('patient_id', 'ID')}; else give the objects of one issuer at a time",
            )

    def _of(self, patient: str) -> str:
        known = self._known.get(patient)
        if known is None:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            # 80 bits: among a million patients two are called the same once in 10^12 times.
            digest = self.secrets.digest("patient", patient.encode())[:10]
            known = self._known[patient] = "P" + base64.b32encode(digest).decode()
        return known


@dataclass(frozen=True)
class NamedSubject(KeyedSubjects):
    """One patient, whose new Patient ID or Patient's Name a person says.

    Parameters
    ----------
    new_id, new_name : str
        Empty for what is not said: the name is then the ID, and the ID follows of the key.

    Raises
    ------
    UsageError
        ``DEID-SUBJECT`` for what is no Patient ID or no Patient's Name.
    """

    new_id: str = ""
    new_name: str = ""
    _patients: set[str] = field(default_factory=set, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        checked_subject(self.new_id, self.new_name or self.new_id, "")

    def patient_id(self, instance: Instance) -> str:
        """Return the new Patient ID of an object."""
        self.seen(instance)
        return self.new_id or self._of(patient_of(instance))

    def patient_name(self, instance: Instance) -> str:
        """Return the new Patient's Name of an object."""
        return self.new_name or self.patient_id(instance)

    def seen(self, instance: Instance) -> None:
        """Hear that an object is of the set.

        Raises
        ------
        SourceError
            ``DEID-PATIENTS`` for a second patient, who would become the first.
        """
        said = instance.lenient.text("PatientID")
        self._patients.update([said] if said else [])  # of one that names nobody a person has said whose it is
        if len(self._patients) > 1:
            raise SourceError(
                "DEID-PATIENTS",
                f"{instance.name}: it is of another patient than the others, and {flag('patient_id')} would make one "
                f"of them; wanted one patient, or {flag('id_map', 'FILE')} with a row for each",
            )


@dataclass(frozen=True)
class ListedSubjects(KeyedSubjects):
    """Patients of a table.

    Parameters
    ----------
    listed : mapping of str to (str, str)
        Patient ID to the new Patient ID and Patient's Name.
    where : str
        The table's file, for messages.
    creates : bool
        Whether a patient that is not listed is called by what follows of the key; refused elsewhere.
    """

    listed: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    where: str = ""
    creates: bool = False
    _added: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def patient_id(self, instance: Instance) -> str:
        """Return the new Patient ID of an object."""
        return self._row(instance)[0]

    def patient_name(self, instance: Instance) -> str:
        """Return the new Patient's Name of an object."""
        return self._row(instance)[1]

    def seen(self, instance: Instance) -> None:
        """Hear that an object is of the set.

        Raises
        ------
        SourceError
            ``DEID-ID-MAP`` for a patient that is not listed.
        """
        self._row(instance)

    @property
    def added(self) -> Mapping[str, str]:
        """Patients that were seen and were not listed, with their new Patient IDs."""
        return dict(sorted(self._added.items()))

    def _row(self, instance: Instance) -> tuple[str, str]:
        patient = patient_of(instance)
        if patient in self.listed:
            return self.listed[patient]
        super().seen(instance)
        if not self.creates:
            raise SourceError(
                "DEID-ID-MAP",
                f"{instance.name}: its patient has no row in {self.where}; wanted one, or {flag('id_map_create')}",
            )
        new = self._added.setdefault(patient, self._of(patient))
        return new, new


def checked_subject(new_id: str, new_name: str, where: str) -> None:
    """Refuse what cannot stand in every object as a Patient ID or a Patient's Name, whatever its character set.

    Parameters
    ----------
    new_id, new_name : str
        Empty for what is not said.
    where : str
        Row of a table, for the message.

    Raises
    ------
    UsageError
        ``DEID-SUBJECT``.
    """
    for vr, name, value in (("LO", "Patient ID", new_id), ("PN", "Patient's Name", new_name)):
        wrong = fault(vr, value) or ("holds a backslash" if "\\" in value else "")
        if not wrong and not value.isascii():
            wrong = "has characters that not every character set has; wanted ASCII"
        if wrong:
            raise UsageError("DEID-SUBJECT", f"{where}{': ' * bool(where)}the new {name} {wrong}")
