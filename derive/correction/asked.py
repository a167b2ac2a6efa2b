"""What a caller asks of a correction, refused before any file is read where it cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from derive.elements.charset import is_text
from derive.errors import UsageError
from derive.rewriting.reason import REASONS
from derive.told.wording import did_you_mean, flag

#: Of Source of Previous Values and Modifying System (LO).
_LONGEST = 64


@dataclass(frozen=True)
class Asked:
    """What a caller asks.

    Parameters
    ----------
    set : mapping path -> value
        Attributes that get another value: ``{"PatientName": "Doe^Jane"}``; in items of sequences
        ``{"RequestAttributesSequence[0].AccessionNumber": "A12"}``.
    remove : iterable of path
        Attributes that are taken out.
    compute : iterable of keyword
        Attributes that are computed from what each object says: ``PatientAge``, ``PatientBodyMassIndex``, ...
    character_set : str
        Specific Character Set that all texts get: ``ISO_IR_192``.
    text_is : str
        Character set of the texts of objects that declare none.
    like : path, pydicom Dataset or mapping, optional
        Whose patient and study the objects get: a file, a folder of one study, an answer of a worklist or of
        QIDO-RS in JSON, or a study of an archive (``AET@host:port/STUDY_UID``).
    entities : iterable of str
        What is taken over of it: ``patient``, ``study``.
    mend : bool
        Mend what the check finds and a rule can mend without guessing.
    new_uids : bool
        Give new SOP and Series Instance UIDs; references within the set follow.
    uid_prefix : str, optional
        The UID root of the organisation.
    is_part : bool
        Whether the objects are a part of a study, of which the rest stays what it is.
    move : bool
        Whether patients or studies may come together, or a study fall apart.
    reidentify : bool
        Whether objects that say that they are de-identified may be corrected.
    reason : str
        ``CORRECT`` for what was wrong, ``COERCE`` for what is made to agree with another system (PS3.3 C.12.1.1.9).
    source : str
        Source of Previous Values: who had the old ones.
    undo : int
        So many of the newest corrections are taken back instead.
    timestamp : datetime, optional
        When; now unless said.
    check : bool
        Refuse a result that has an error which its source has not.
    """

    set: Mapping[str, Any] = field(default_factory=dict)
    remove: Iterable[str] = ()
    compute: Iterable[str] = ()
    character_set: str = ""
    text_is: str = ""
    like: str | Path | Dataset | Mapping[str, Any] | None = None
    entities: Iterable[str] = ("patient", "study")
    mend: bool = False
    new_uids: bool = False
    uid_prefix: str | None = None
    is_part: bool = False
    move: bool = False
    reidentify: bool = False
    reason: str = "CORRECT"
    source: str = ""
    undo: int = 0
    timestamp: datetime | None = None
    check: bool = True

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise UsageError("COR-REASON", f"the reason is {self.reason!r:.40}; wanted {' or '.join(REASONS)}")
        if len(self.source) > _LONGEST or not is_text(self.source) or "\\" in self.source:
            raise UsageError("COR-SOURCE", f"{flag('source')} is a text of at most {_LONGEST} characters")
        if self.undo < 0:
            raise UsageError("COR-UNDO", f"{flag('undo')} is {self.undo}; wanted 1 or more")
        if self.undo and self.changes:
            raise UsageError("COR-UNDO", f"{flag('undo')} takes corrections back, and makes none; give it alone")
        if not self.undo and not self.changes:
            raise UsageError("COR-NOTHING", f"nothing is asked for; give {flag('set', 'Keyword=VALUE')} or another")

    @property
    def changes(self) -> bool:
        """Whether anything is asked for that changes an object."""
        said = (
            self.set,
            self.character_set,
            self.text_is,
            self.mend,
            self.new_uids,
            tuple(self.remove),
            tuple(self.compute),
        )
        return any(said) or self.like is not None

    @property
    def stamp(self) -> str:
        """Attribute Modification DateTime, with the offset from UTC where it is known (PS3.5 6.2).

        By its fraction of a second corrections are told apart that follow each other.
        """
        when = self.timestamp or datetime.now().astimezone()
        return when.strftime("%Y%m%d%H%M%S%z" if self.timestamp else "%Y%m%d%H%M%S.%f%z")


def asked_of(said: Mapping[str, Any]) -> Asked:
    """Return what a caller asks.

    Raises
    ------
    UsageError
        ``OPT-UNKNOWN`` for an option that there is not; as :class:`Asked`.
    """
    known = [f.name for f in fields(Asked)]
    unknown = sorted(said.keys() - {*known})
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise UsageError("OPT-UNKNOWN", f"there is no option {unknown[0]!r}{hint}; there are {', '.join(known)}")
    return Asked(**said)
