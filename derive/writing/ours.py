"""Which folders may be replaced: those that hold nothing but instances that derive wrote, and are nobody's home.

A series of ours is known by its files, and by nothing beside them: the File Meta Information of each names the
implementation that wrote it (PS3.10 7.1), and that is this one. All else is somebody's, be it made by derive or not: a
picture, an export, a manifest that lies among the images was put there by a person.

2026-11-30: Contributing Equipment was considered, and is no sign: another program that goes on from a result of ours
keeps our item, and its work would go.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

from pydicom import dcmread
from pydicom.filereader import read_file_meta_info

from derive.errors import OutputError
from derive.model.uids import IMPLEMENTATION_CLASS_UID
from derive.reading.files import HEAD_LENGTH, plain, why_not_dicom
from derive.told.wording import flag

try:
    from pwd import getpwall
except ImportError:  # no such thing on Windows
    getpwall = None  # type: ignore[assignment]  # asked before it is called

#: How many strangers are looked for; of a folder with more nobody wants to know them all.
MOST_FOREIGN = 1000
_NAMED = 3
#: What tells one file from another, and from itself after a change.
Stamp: TypeAlias = tuple[int, int, int]


class Contents(NamedTuple):
    """What is in a folder, by name below it.

    Parameters
    ----------
    stamps : mapping name -> Stamp
        Of the files.
    foreign : tuple of str
        What derive did not write.
    """

    stamps: Mapping[str, Stamp]
    foreign: tuple[str, ...]


def contents_of(folder: Path, coming: Path | None = None) -> Contents:
    """Look at everything in a folder, and tell what is ours.

    Parameters
    ----------
    folder : Path
    coming : Path, optional
        What shall take its place: an instance that comes again, under its name, may go whoever wrote it.

    Raises
    ------
    OSError
    """
    stamps: dict[str, Stamp] = {}
    foreign: list[str] = []
    for name, entry in _below(folder):
        status = os.lstat(folder / name)
        if not _is_plain(entry, status) or not (is_ours(folder / name) or _comes_again(folder, name, coming)):
            foreign.append(name)
            if len(foreign) == MOST_FOREIGN:
                break
        stamps[name] = _stamp(status)
    return Contents(stamps, tuple(foreign))


def changed(folder: Path, before: Contents) -> tuple[str, ...]:
    """Return what came into a folder, or was changed in it, since it was looked at."""
    return tuple(name for name, _ in _below(folder) if before.stamps.get(name) != _stamp(os.lstat(folder / name)))


def is_ours(file: Path) -> bool:
    """Whether the File Meta Information of a file says that this implementation wrote it."""
    try:
        meta = read_file_meta_info(file)
    except Exception:  # pydicom raises whatever a file causes that is no DICOM; such a one is not ours
        return False
    return bool(meta.get("ImplementationClassUID") == IMPLEMENTATION_CLASS_UID)


def may_be_dicom(file: Path) -> bool:
    """Whether a file begins as an instance does; True for one that cannot be opened."""
    try:
        with plain(file).open() as stream:
            return not why_not_dicom(stream.read(HEAD_LENGTH), plain(file))
    except OSError:
        return True


def refuse_foreign(target: Path, foreign: Sequence[str], what: str = "that derive did not write") -> None:
    """Refuse a folder with what is not ours.

    Raises
    ------
    OutputError
        ``OUT-FOREIGN``, with the names and their number.
    """
    if not foreign:
        return
    count = f"{len(foreign)} or more" if len(foreign) >= MOST_FOREIGN else str(len(foreign))
    things = "thing" if count == "1" else "things"
    named = ", ".join(foreign[:_NAMED]) + (", ..." if len(foreign) > _NAMED else "")
    raise OutputError(
        "OUT-FOREIGN",
        f"{target.name} holds {count} {things} {what}: {named}. "
        f"{flag('overwrite')} replaces only instances that derive wrote; choose another folder, or move them out",
        foreign=list(foreign),
    )


def refuse_place(target: Path, sources: Sequence[Path]) -> None:
    """Refuse a folder that is never replaced, by whatever name, link or way it was named.

    Raises
    ------
    OutputError
        ``OUT-SOURCE`` for a folder that holds files of the source, ``OUT-PLACE`` for the current folder, a home, and
        what holds one of them.
    """
    if not target.exists():
        return
    folders = {
        folder for s in sources for folder in (s.parent.resolve(), s.resolve().parent)
    }  # links, and what they show
    if _holds_one(target, folders):
        raise OutputError("OUT-SOURCE", f"{_called(target)} holds files of the source; choose another folder")
    for what, places in (("the current folder", _current()), ("a home folder", _homes())):
        if _holds_one(target, places):
            message = f"{_called(target)} is {what}, or holds it, and is not replaced; name a new folder"
            raise OutputError("OUT-PLACE", message)


def _called(target: Path) -> str:
    return target.name or str(target)


def _holds_one(target: Path, folders: Iterable[Path]) -> bool:
    """Whether a folder is one of some, or above it; told by what it is, and not by its name."""
    wanted = os.stat(target)
    for place in dict.fromkeys(p for folder in folders for p in (folder, *folder.parents)):
        with suppress(OSError):
            if os.path.samestat(wanted, os.stat(place)):
                return True
    return False


def _current() -> Iterator[Path]:
    with suppress(OSError):  # it is gone
        yield Path.cwd()


def _homes() -> Iterator[Path]:
    """Give the home folders of all users."""
    named = [entry.pw_dir for entry in getpwall()] if getpwall is not None else []
    with suppress(RuntimeError):  # it cannot be known
        named.append(str(Path.home()))
    for name in dict.fromkeys(named):
        if os.path.isabs(name):
            yield Path(os.path.realpath(name))


def _below(folder: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Give what is in a folder, and in all below it, that has no folder in it itself; no link is followed."""
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        with os.scandir(folder / inside) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            name = f"{inside}/{entry.name}" if inside else entry.name
            if _is_open_folder(entry):
                waiting.append(name)
            else:
                yield name, entry


def _is_open_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder to look into: one that is hidden, or empty, is nothing that derive wrote."""
    if not entry.is_dir(follow_symlinks=False) or entry.name.startswith("."):
        return False
    with os.scandir(entry.path) as inside:
        return next(inside, None) is not None


def _is_plain(entry: os.DirEntry[str], status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and not entry.name.startswith(".")


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _comes_again(folder: Path, name: str, coming: Path | None) -> bool:
    """Whether the new folder has the same instance under the same name."""
    if coming is None:
        return False
    uids = [_instance_uid(place / name) for place in (folder, coming)]
    return bool(uids[0]) and uids[0] == uids[1]


def _instance_uid(file: Path) -> str:
    try:
        return str(dcmread(file, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID)
    except Exception:  # whatever a file causes that is no DICOM, or is not there
        return ""
