"""THE PAGE: from a set of objects to the same ones with other attributes, and the old values inside.

::

    options ──asked──▶ corrector                refused before any file is read
    source  ──members──▶ objects, as they lie
                │
         corrector: what changes in each, and what it is now ──▶ plan
                │
         spliced in, Original Attributes Sequence with one item more; or taken back (undo)
                │
         a folder, all or nothing: read back, and no error that the source has not
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from derive.checking import Finding, check
from derive.correction.asked import Asked, asked_of
from derive.correction.charset import CharacterSet
from derive.correction.computed import Computed
from derive.correction.identity import Moves
from derive.correction.like import like_of
from derive.correction.members import Members, SetMember, members_of, name_below, walking
from derive.correction.mending import Mending
from derive.correction.renewed import Renewed, following_study, renewed_of
from derive.correction.report import ChangeTally, CorrectionReport
from derive.correction.values import Corrector, assignments_of
from derive.errors import InvalidInstance, OutputError, UsageError
from derive.model.uids import checked_root
from derive.reading.files import Source
from derive.rewriting.change import parts_of
from derive.rewriting.correct import corrected, restored, undone
from derive.rewriting.file import Part, StoredFile, runs_of_parts
from derive.rewriting.history import CorrectionNote, corrections
from derive.rewriting.splice import exchanged
from derive.settings import load_settings
from derive.told.progress import tell
from derive.told.wording import counted, flag
from derive.version import MODEL
from derive.writing.atomic import target_folder
from derive.writing.part10 import write_runs

#: What a file may grow by.
_ROOM = 64 * 1024


def correct(objects: Source, /, **options: Any) -> Correction:
    """Correct the headers of all objects of a source; nothing is read or written before it is asked for.

    Parameters
    ----------
    objects : path, paths or pydicom Datasets
    **options
        As in :class:`derive.correction.asked.Asked`.

    Returns
    -------
    Correction

    Raises
    ------
    UsageError
        ``COR-...`` for what no object could become.

    Examples
    --------
    >>> import derive
    >>> from pydicom.dataset import Dataset
    >>> ds = Dataset()
    >>> ds.SOPClassUID, ds.SOPInstanceUID, ds.PatientName = "1.2.840.10008.5.1.4.1.1.7", "1.2.3", "Deo^Jane"
    >>> (made,) = derive.correct([ds], set={"PatientName": "Doe^Jane"}, source="City Hospital").instances()
    >>> str(made.PatientName), str(made.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientName)
    ('Doe^Jane', 'Deo^Jane')
    """
    asked = asked_of(options)
    taken = () if asked.like is None else (like_of(asked.like, asked.entities),)
    mending = (Mending(),) if asked.mend else ()
    correctors = (*mending, *taken, assignments_of(asked.set, asked.remove), Computed(tuple(asked.compute)))
    return Correction(objects, asked, correctors, CharacterSet(asked.character_set, asked.text_is))


@dataclass(frozen=True)
class Correction:
    """A correction of a set: planned, made and written when asked.

    Parameters
    ----------
    objects : path, paths or pydicom Datasets
    asked : Asked
    correctors : tuple of Corrector
        They say of each object what changes in it, one after the other.
    characters : CharacterSet
        In which its texts are, and in which they are afterwards.
    """

    objects: Source
    asked: Asked
    correctors: tuple[Corrector, ...]
    characters: CharacterSet

    @cached_property
    def members(self) -> Members:
        """The objects."""
        return members_of(self.objects)

    @cached_property
    def note(self) -> CorrectionNote:
        """What every item that is written says."""
        equipment = load_settings().equipment
        system = equipment.get("StationName") or equipment.get("ManufacturerModelName") or MODEL
        return CorrectionNote(self.asked.reason, self.asked.source, system, self.asked.stamp)

    def plan(self) -> CorrectionReport:
        """Say what would change, attribute by attribute; nothing is written.

        Raises
        ------
        UsageError, SourceError
            As writing it would.
        """
        self._refuse_moves()
        tally, changed = ChangeTally(), 0
        for _, stored in self._stored():
            with walking(stored):
                changed += tally.take(stored, self._parts(stored))
        return self._report(None, changed, tally)

    def instances(self) -> Iterator[Dataset]:
        """Give the objects one at a time, as plain Datasets with File Meta Information."""
        for _, stored in self._stored():
            with walking(stored):
                made = self._made(stored, self._parts(stored))
            runs = runs_of_parts(exchanged(stored, {}) if made is None else made)
            yield dcmread(io.BytesIO(b"".join(runs)), force=True)

    def write(self, folder: str | Path, *, overwrite: bool = False) -> CorrectionReport:
        """Write all objects into a folder, under the names that they have: everything, checked, or nothing.

        Parameters
        ----------
        folder : str or Path
            New or empty.
        overwrite : bool
            Replace a folder that is not empty, as a whole, if derive wrote all that is in it.

        Raises
        ------
        UsageError, SourceError
            For an object that cannot be corrected as asked.
        OutputError
            If the folder cannot be written as asked.
        InvalidInstance
            If a result has an error that its source has not.
        """
        size = sum(path.stat().st_size for path in self.members.paths) + _ROOM * len(self.members.objects)
        self._refuse_moves()
        tally, changed = ChangeTally(), 0
        with target_folder(Path(folder), size, self.members.paths, overwrite=overwrite) as temporary:
            for number, (member, stored) in enumerate(self._stored(), 1):
                with walking(stored):
                    parts = self._parts(stored)
                    changed += tally.take(stored, parts)
                    made = self._made(stored, parts)
                if made is None and isinstance(member.origin, Dataset):
                    made = exchanged(stored, {})
                _write(temporary / name_below(member), member, made)
                tell("correcting", number, len(self.members.objects))
            if self.asked.check and not self.asked.undo:
                _refuse_new_errors(self.members.paths, temporary)
        return self._report(Path(folder), changed, tally)

    def _report(self, folder: Path | None, changed: int, tally: ChangeTally) -> CorrectionReport:
        members = self.members
        return CorrectionReport(folder, len(members.objects), changed, members.others, self.asked, tally.planned)

    def _stored(self) -> Iterator[tuple[SetMember, StoredFile]]:
        for member in self.members.objects:
            stored = member.stored()
            if not stored.is_directory:
                yield member, stored

    def _parts(self, stored: StoredFile) -> dict[int, bytes | None]:
        """Return the whole elements that change in an object."""
        if self.asked.undo:
            return restored(stored, self._count(stored))
        if not self.asked.reidentify and stored.instance.text("PatientIdentityRemoved") == "YES":
            text = (
                f"{stored.name} is de-identified, and a correction brings names and old values into it; correct before"
            )
            raise UsageError("COR-DEIDENTIFIED", f"{text}, or say that it is meant ({flag('reidentify')})")
        encodings = self.characters.encodings(stored)
        changes = [change for corrector in self.correctors for change in corrector(stored, encodings)]
        parts = following_study(stored, self.characters.parts(stored, parts_of(stored, changes)))
        return self._renewed.with_sources(stored, parts) if self._renewed else parts

    @cached_property
    def _renewed(self) -> Renewed | None:
        """New UIDs, where they are asked for."""
        if not self.asked.new_uids:
            return None
        root = checked_root(self.asked.uid_prefix or load_settings().uid_prefix)
        return renewed_of((stored for _, stored in self._stored()), lambda _: str(generate_uid(root)))

    def _refuse_moves(self) -> None:
        """Refuse a set of which patients or studies would come together or fall apart, unless it is meant."""
        if self.asked.move or self.asked.undo:
            return
        moves = Moves()
        for _, stored in self._stored():
            with walking(stored):
                moves.take(stored, self._parts(stored))
        moves.refuse(is_part=self.asked.is_part)

    @cached_property
    def _newest(self) -> frozenset[CorrectionNote]:
        """The newest corrections of the set, by what they say: not every one of them need be in every object.

        Raises
        ------
        UsageError
            ``COR-UNDO`` where there are not so many.
        """
        found: set[CorrectionNote] = set()
        for _, stored in self._stored():
            with walking(stored):
                found.update(correction.note for correction in corrections(stored))
        if len(found) < self.asked.undo:
            what = counted(len(found), "correction") if found else "no correction"
            raise UsageError("COR-UNDO", f"the objects have {what} to take back; wanted {self.asked.undo}")
        return frozenset(sorted(found, key=lambda note: note.datetime)[-self.asked.undo :])

    def _count(self, stored: StoredFile) -> int:
        """Return how many of the newest items of an object are of the newest corrections of the set."""
        notes = [correction.note for correction in corrections(stored)]
        return len(list(takewhile(self._newest.__contains__, reversed(notes))))

    def _made(self, stored: StoredFile, parts: Mapping[int, bytes | None]) -> tuple[Part, ...] | None:
        """Return a corrected object as a file; None where nothing changes in it."""
        if stored.recoded:
            raise UsageError(
                "COR-ENCODING",
                f"{stored.name} cannot be kept byte for byte as it is encoded; convert it to Explicit VR "
                "Little Endian first",
            )
        if self.asked.undo:
            count = self._count(stored)
            return undone(stored, count) if count else None
        return corrected(stored, parts, self.note, self.characters.before(stored))


def _write(path: Path, member: SetMember, made: tuple[Part, ...] | None) -> None:
    """Write an object, or copy it byte for byte."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise OutputError(
            "OUT-EXISTS", f"two objects of the source are called {path.name}; correct their folders one by one"
        )
    with member.open() as stream:
        runs = runs_of_parts(made) if made is not None else iter(lambda: stream.read(1 << 20), b"")
        if not write_runs(path, runs):
            raise OutputError("OUT-REREAD", f"{path.name} does not hold what was made; the disk cannot be trusted")


def _refuse_new_errors(sources: tuple[Path, ...], folder: Path) -> None:
    """Refuse a result with errors that its source has not.

    Pixel Data is not looked at: it is that of the source, byte for byte, and of a large file not even in memory.

    Raises
    ------
    InvalidInstance
    """
    before = (
        Counter((f.code, f.path) for f in check(sources, pixels=False).errors)
        if sources
        else Counter[tuple[str, str]]()
    )
    new: list[Finding] = []
    for finding in check(folder, pixels=False).errors:
        key = (finding.code, finding.path)
        before[key] -= 1
        if before[key] < 0:
            new.append(finding)
    if new:
        raise InvalidInstance(new)
