"""All or none: what is written stands beside its target until everything is right, and then takes its place.

There are two forms: a folder of files (a series), and files side by side (a volume and what belongs to it, a picture, a
manifest). Nothing that exists and is neither a folder nor a regular file is ever replaced: a device or a pipe that
is renamed away is gone for all who use it. A folder is replaced only if all that is in it is
:mod:`~derive.writing.ours`. What a killed run left beside a target is put in order by the next one that writes there.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from derive.errors import OutputError
from derive.told.wording import flag
from derive.writing.interruptions import held
from derive.writing.ours import changed, contents_of, may_be_dicom, refuse_foreign, refuse_place
from derive.writing.placing import Move, place_files, place_folder, put_back_folder, replace_folder, unwound
from derive.writing.unfinished import finished, new_folder, recover

_log = logging.getLogger(__name__)


@contextmanager
def target_folder(
    target: Path, size: int, sources: Sequence[Path], *, overwrite: bool, again: bool = False
) -> Iterator[Path]:
    """Give a temporary folder beside the target that takes its place when the block ends well.

    Parameters
    ----------
    target : Path
    size : int
        Bytes that will be written.
    sources : sequence of Path
        Files that must not be touched.
    overwrite : bool
        Whether a target that is not empty is replaced as a whole, if derive wrote all that is in it.
    again : bool
        Whether instances that somebody else wrote may be replaced by themselves: as they come from an archive.

    Raises
    ------
    OutputError
        ``OUT-EXISTS``, ``OUT-FOREIGN``, ``OUT-PLACE``, ``OUT-SOURCE``, ``OUT-SPACE``, ``OUT-WRITE``.
    """
    try:
        _refuse_no_folder(target)
        target = target.resolve()
        recover(target)
        recover(target.parent)
        refuse_folder(target, sources, overwrite=overwrite)
        if overwrite and target.is_dir():
            refuse_foreign(target, contents_of(target, target if again else None).foreign)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go in a circle
        raise unwritable(target.name, error) from error
    with _beside(target) as part:
        if shutil.disk_usage(part).free < size:
            message = f"{size / 1e6:.0f} MB are needed beside {target.name}, and there are less"
            raise OutputError("OUT-SPACE", message)
        yield part / "new"
        try:
            if overwrite and target.exists():
                _replace_folder(part, target, again=again)
            else:
                place_folder(Move(part / "new", target))
        except OSError as error:
            if target.exists() and not overwrite:
                raise _exists(target, "was made by another meanwhile") from error
            raise unwritable(target.name, error) from error


def _replace_folder(part: Path, target: Path, *, again: bool) -> None:
    """Let the new folder take the place of one that is ours; what came into that meanwhile is not lost."""
    move = Move(part / "new", target)
    before = contents_of(target, move.new if again else None)
    refuse_foreign(target, before.foreign)
    with held():
        kept = replace_folder(part, move)
        if came := changed(kept, before):
            put_back_folder(part, move, kept)
            refuse_foreign(target, came, "that came or changed meanwhile")


@contextmanager
def target_files(
    targets: Sequence[Path],
    sources: Sequence[Path] = (),
    *,
    overwrite: bool,
    names: Sequence[str] = (),
    tidy: bool = True,
) -> Iterator[list[Path]]:
    """Give temporary files that take the place of their targets when the block ends well: the first one last.

    Parameters
    ----------
    targets : sequence of Path
        Files of one folder, which is made where it is missing.
    sources : sequence of Path
        Files that must not be touched, and folders, of which nothing that may be DICOM is.
    overwrite : bool
        Whether files that exist are replaced.
    names : sequence of str
        What the temporary files are called, where a library insists on it; else as their targets.
    tidy : bool
        Whether what killed runs left in that folder is put in order first.

    Raises
    ------
    OutputError
        ``OUT-EXISTS``, ``OUT-SOURCE``, ``OUT-WRITE``.
    """
    first = targets[0]
    try:
        parent = first.parent.resolve()
        files = [parent / target.name for target in targets]
        if tidy:
            recover(parent)
        refuse_files(files, sources, overwrite=overwrite)
    except (OSError, RuntimeError) as error:
        raise unwritable(first.name, error) from error
    with _beside(files[0]) as part:
        written = [part / "new" / name for name in names or [file.name for file in files]]
        yield written
        moves = [Move(new, file) for new, file in zip(written, files, strict=True) if new.exists()]
        try:
            with held():
                place_files(part, moves[::-1], overwrite=overwrite)
        except FileExistsError as error:
            raise _exists(first, "was made by another meanwhile") from error
        except OSError as error:
            raise unwritable(first.name, error) from error


def write_file(target: Path, data: bytes, *, overwrite: bool, tidy: bool = True) -> None:
    """Write one file that is there as a whole or not at all.

    Raises
    ------
    OutputError
        As :func:`target_files`.
    """
    with target_files([target], overwrite=overwrite, tidy=tidy) as (file,):
        try:
            file.write_bytes(data)
        except OSError as error:
            raise unwritable(target.name, error) from error


def refuse_files(files: Sequence[Path], sources: Sequence[Path] = (), *, overwrite: bool) -> None:
    """Refuse targets that may not be written, before any work.

    Raises
    ------
    OutputError
        ``OUT-SOURCE`` for a file of the source, ``OUT-EXISTS`` for what exists and may not, or cannot, be replaced.
    """
    resolved = {source.resolve() for source in sources}
    for file in files:
        if file in resolved or (file.exists() and any(_is_of(file, source) for source in resolved)):
            raise OutputError("OUT-SOURCE", f"{file.name} is a file of the source; choose another name")
        if file.is_dir():
            raise _exists(file, "is a folder; wanted a file")
        if file.exists() and not file.is_file():
            raise _exists(file, "is no regular file, and is not replaced; choose another name")
        if os.path.lexists(file) and not overwrite:
            raise _exists(file, f"exists; choose another name ({flag('overwrite')} replaces it)")


def _is_of(file: Path, source: Path) -> bool:
    if not source.is_dir():
        return source.exists() and file.samefile(source)
    return source in file.resolve().parents and file.is_file() and may_be_dicom(file)


def _refuse_no_folder(target: Path) -> None:
    """Refuse what is no folder, before its name is resolved: that of a pipe leads nowhere."""
    if target.exists() and not target.is_dir():
        what = "a file" if target.is_file() else "no folder, and is not replaced"
        raise _exists(target, f"is {what}; wanted a folder that is new or empty")


def refuse_folder(target: Path, sources: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse a folder that cannot be a target, before any work.

    Raises
    ------
    OutputError
        ``OUT-EXISTS``, and as :func:`derive.writing.ours.refuse_place`.
    """
    _refuse_no_folder(target)
    refuse_place(target, sources)
    if target.is_dir() and any(target.iterdir()) and not overwrite:
        raise _exists(target, f"is not empty; {flag('overwrite')} replaces it if derive wrote all that is in it")


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Give a folder beside the target, which goes in the end; so do folders that were made for nothing."""
    missing = [p for p in target.parents if not p.exists()]
    part: Path | None = None
    try:
        try:
            with held():
                target.parent.mkdir(parents=True, exist_ok=True)
                part = new_folder(target)
            (
                part / "new"
            ).mkdir()  # with the rights that the user's mask leaves, which those of a temporary one are not
        except OSError as error:
            raise unwritable(target.name, error) from error
        yield part
    finally:
        with held():
            if part is not None:
                _remove(part)
            with suppress(OSError):  # the first one that is in use ends it
                for made in missing:
                    made.rmdir()


def _remove(part: Path) -> None:
    """Remove a folder of work; what it had moved aside is put back first, and stays if that cannot be."""
    with suppress(OSError):
        if unwound(part):
            shutil.rmtree(part, ignore_errors=True)
            finished(part)
            return
    _log.warning("%s holds what was there before, and could not be put back; look into it", part.name)


def _exists(target: Path, what: str) -> OutputError:
    return OutputError("OUT-EXISTS", f"{target.name} {what}")


def unwritable(name: str, error: Exception) -> OutputError:
    """Return the error of a file or folder, ``OUT-WRITE``, with the reason that the system or a library gives."""
    reason = getattr(error, "strerror", None) or str(error).strip().rpartition("\n")[2] or type(error).__name__
    return OutputError("OUT-WRITE", f"{name} cannot be written: {reason}")
