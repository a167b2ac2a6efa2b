"""A series appears in its place as a whole, when every object of it was looked at, or goes to quarantine as a whole."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from derive.deidentification.line.dicomdir import write_dicomdir
from derive.deidentification.line.layout import MEDIA, MediaNames, files_of, fit, folder_of
from derive.deidentification.line.survey import Survey
from derive.deidentification.line.work import Treated, digest_of
from derive.deidentification.profile.wanted import Wanted
from derive.deidentification.run.run import Run
from derive.errors import OutputError
from derive.told.wording import flag
from derive.writing.atomic import refuse_files, target_files, target_folder, unwritable, write_file
from derive.writing.interruptions import held
from derive.writing.ours import contents_of, refuse_foreign, refuse_place
from derive.writing.unfinished import finished, new_folder, recover

QUARANTINE, LIST = ".quarantine", "quarantine.json"
SCHEMA = "derive-quarantine/1"
#: Bytes that a header may grow by: the marks.
_ROOM = 4096


@dataclass
class Publisher:
    """Puts series in their places. It remembers which folders it has filled, so that no two series share one.

    Parameters
    ----------
    out : Path
        The target, or what takes its place in the end.
    beside : Path
        The folder for what is not published.
    layout : str
    again : bool
        Whether a series that is there may be replaced, as by a run that goes on.
    """

    out: Path
    beside: Path
    layout: str
    again: bool = False
    published: list[PurePosixPath] = field(default_factory=list)
    faults: list[dict[str, Any]] = field(default_factory=list)
    _filled: Counter[PurePosixPath] = field(default_factory=Counter)
    _taken: Counter[str] = field(default_factory=Counter)
    _media: MediaNames = field(default_factory=MediaNames)

    def folder(self, first: Treated, run: Run) -> PurePosixPath:
        """Return the folder of a series below the target, by its first object."""
        if self.layout == "flat":
            return PurePosixPath()
        secret = run.secrets.digest("folder", first.before.patient_id.encode())
        return folder_of(first.now, first.before, f"P{secret.hex()[:12]}")

    def place(self, first: Treated, run: Run) -> PurePosixPath:
        """Return the folder of a series below the target, of which no other series gets a part."""
        if self.layout == MEDIA:
            return self._media.folder(first.now)
        folder = self.folder(first, run)
        self._filled[folder] += 1
        count = self._filled[folder]
        return folder if count == 1 or self.layout == "flat" else folder.with_name(f"{folder.name}-{count}")

    def files(self, made: Sequence[Treated]) -> list[str]:
        """Return what the files of a series are called."""
        return files_of([t.now for t in made], self.layout, self._taken)

    def has(self, made: Sequence[Treated], run: Run) -> bool:
        """Whether a series is there as a whole, no other file beside it, and made by the same rules as now.

        A file is compared that all the rules have gone through: one that other rules made has other bytes.
        """
        if not made:
            return False
        folder = self.out / self.folder(made[0], run)
        names = files_of([t.now for t in made], self.layout, Counter())
        if not all((folder / n).is_file() for n in names):
            return False
        if self.layout != "flat" and len(os.listdir(folder)) != len(names):
            return False
        return digest_of((folder / names[0]).read_bytes()) == made[0].digest

    def publish(self, moves: Mapping[Path, str], place: PurePosixPath) -> None:
        """Let the files of a series appear, all at once.

        Parameters
        ----------
        moves : mapping Path -> str
            What each file that was written is called in the end.
        place : PurePosixPath
            Below the target.

        Raises
        ------
        OutputError
            ``OUT-EXISTS``, ``OUT-FOREIGN``, ``OUT-WRITE``.
        """
        self.published += [place / name for name in moves.values()] if self.layout == MEDIA else [place]
        if self.layout == "flat":
            targets = [self.out / n for n in moves.values()]
            with target_files(targets, overwrite=self.again, tidy=False) as files:
                _move(moves, files)
            return
        with target_folder(self.out / place, 0, (), overwrite=self.again) as new:
            _move(moves, [new / n for n in moves.values()])

    def quarantine(self, moves: Mapping[Path, str], made: Sequence[Treated], place: PurePosixPath) -> None:
        """Put the files of a series aside, where nobody takes them for published.

        Raises
        ------
        OutputError
            As :meth:`publish`.
        """
        folder = place if self.layout != "flat" else PurePosixPath(fit(made[0].now.series_uid, "series"))
        self.faults += [
            {"file": str(folder / name), "faults": [fault._asdict() for fault in t.faults]}
            for name, t in zip(moves.values(), made, strict=True)
        ]
        with target_folder(self.beside / folder, 0, (), overwrite=True) as new:
            _move(moves, [new / n for n in moves.values()])


class _Nothing(Exception):  # noqa: N818 - says how it ended
    """Nothing was published, and so nothing is replaced."""


@dataclass(frozen=True)
class RunTarget:
    """Where a run writes.

    Parameters
    ----------
    publisher : Publisher
    dry_run : bool
    """

    publisher: Publisher
    dry_run: bool

    @contextmanager
    def staging(self, survey: Survey) -> Iterator[Path | None]:
        """Give a folder beside the target for files whose series is not whole yet; None where nothing is written.

        Raises
        ------
        OutputError
            ``OUT-SOURCE``, ``OUT-FOREIGN``, ``OUT-SPACE``, ``OUT-WRITE``.
        """
        out = self.publisher.out
        refuse_place(out, survey.paths)
        if self.dry_run:
            yield None
            return
        _clear(self.publisher.beside)
        missing = [p for p in out.parents if not p.exists()]
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            part = new_folder(out)
        except OSError as error:
            raise unwritable(out.name, error) from error
        try:
            _refuse_space(part, survey)
            yield part
        finally:
            with held():
                shutil.rmtree(part, ignore_errors=True)
                finished(part)
                with suppress(OSError):  # the first one that is in use ends it
                    for made in missing:
                        made.rmdir()


@contextmanager
def target_of(out: Path, wanted: Wanted) -> Iterator[RunTarget]:
    """Give where a run writes, which is refused before any file is read.

    Raises
    ------
    OutputError
        ``OUT-EXISTS``, ``OUT-FOREIGN``, ``OUT-PLACE``, ``OUT-WRITE``.
    """
    beside = out.with_name(f"{out.name}{QUARANTINE}")
    _refuse_lists(out, wanted)
    if not wanted.dry_run:
        _refuse_target(out, beside, wanted)
    layout = MEDIA if wanted.dicomdir else wanted.layout
    if wanted.dry_run or not (wanted.overwrite and out.exists()):
        publisher = Publisher(out, beside, layout, wanted.resume)
        yield RunTarget(publisher, wanted.dry_run)
        _end(publisher)
        return
    with suppress(_Nothing), target_folder(out, 0, (), overwrite=True) as new:
        publisher = Publisher(new, beside, layout)
        yield RunTarget(publisher, dry_run=False)
        _end(publisher)
        if not publisher.published:
            raise _Nothing


def _refuse_target(out: Path, beside: Path, wanted: Wanted) -> None:
    """Refuse a target that is no folder or is not empty, and what an earlier run has put aside."""
    try:
        recover(out.parent)
        if out.exists() and not out.is_dir():
            raise OutputError("OUT-EXISTS", f"{out.name} is a file; wanted a folder that is new or empty")
        if out.is_dir() and any(out.iterdir()) and not (wanted.overwrite or wanted.resume):
            text = f"{out.name} is not empty; {flag('resume')} goes on, {flag('overwrite')} replaces what derive wrote"
            raise OutputError("OUT-EXISTS", text)
        if beside.is_dir() and any(beside.iterdir()) and not (wanted.overwrite or wanted.resume):
            text = f"{beside.name} holds what an earlier run put aside; look into it, and move or delete it"
            raise OutputError("OUT-EXISTS", text)
    except OSError as error:
        raise unwritable(out.name, error) from error


def _clear(beside: Path) -> None:
    """Let go what an earlier run has put aside: this one goes on with it, or replaces it, and looks at it again.

    Raises
    ------
    OutputError
        ``OUT-FOREIGN`` if somebody put something else there.
    """
    try:
        if beside.is_dir():
            refuse_foreign(beside, [name for name in contents_of(beside).foreign if name != LIST])
            shutil.rmtree(beside)
    except OSError as error:
        raise unwritable(beside.name, error) from error


def _refuse_lists(out: Path, wanted: Wanted) -> None:
    """Refuse files that hold values among what is published, and a list that is there."""
    for said in (wanted.review, wanted.uid_map, wanted.id_map, wanted.key_file):
        if said and out.resolve() in Path(said).resolve().parents:
            raise OutputError("OUT-PLACE", f"{Path(said).name} would lie among what is published; put it elsewhere")
    if wanted.review:
        refuse_files([Path(wanted.review)], overwrite=wanted.overwrite)


def _refuse_space(part: Path, survey: Survey) -> None:
    size = survey.size + survey.count * _ROOM
    if shutil.disk_usage(part).free < size:
        raise OutputError("OUT-SPACE", f"{size / 1e6:.0f} MB are needed beside the target, and there are less")


def _end(publisher: Publisher) -> None:
    """Say beside what is in quarantine why, kinds and paths and no values; list what is published in a DICOMDIR."""
    if publisher.layout == MEDIA and publisher.published:
        write_dicomdir(publisher.out, publisher.published)
    if publisher.faults:
        data = f"{json.dumps({'schema': SCHEMA, 'objects': publisher.faults}, indent=1)}\n".encode()
        write_file(publisher.beside / LIST, data, overwrite=True)


def _move(moves: Mapping[Path, str], files: Sequence[Path]) -> None:
    try:
        for staged, file in zip(moves, files, strict=True):
            os.rename(staged, file)
    except OSError as error:
        raise unwritable(files[0].name, error) from error
