"""All or none: what is written stands beside its target until everything is right, and then takes its place.

There are two forms: a folder of files (a series), and files side by side (a volume and what belongs to it, a picture, a
manifest). Nothing that exists and is neither a folder nor a regular file is ever replaced: a device or a pipe that
is renamed away is gone for all who use it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from derive.errors import OutputError


@contextmanager
def target_folder(target: Path, size: int, sources: Sequence[Path], *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder beside the target that takes its place when the block ends well.

    Parameters
    ----------
    target : Path
    size : int
        Bytes that will be written.
    sources : sequence of Path
        Files that must not be touched.
    overwrite : bool
        Whether a target that is not empty is replaced as a whole.

    Raises
    ------
    OutputError
        ``OUT-EXISTS``, ``OUT-SOURCE``, ``OUT-SPACE``, ``OUT-WRITE``.
    """
    try:
        target = target.resolve()
        _refuse_folder(target, sources, overwrite)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go in a circle
        raise unwritable(target.name, error) from error
    with _beside(target) as beside:
        if shutil.disk_usage(beside).free < size:
            message = f"{size / 1e6:.0f} MB are needed beside {target.name}, and there are less"
            raise OutputError("OUT-SPACE", message)
        temporary = beside / "new"
        yield temporary
        try:
            if overwrite and target.exists():
                _exchange([(temporary, target)], beside)
            else:
                temporary.rename(target)  # which takes the place of an empty folder, and of no other
        except OSError as error:
            if target.exists() and not overwrite:
                raise _exists(target, "was made by another meanwhile") from error
            raise unwritable(target.name, error) from error


@contextmanager
def target_files(
    targets: Sequence[Path], sources: Sequence[Path] = (), *, overwrite: bool, names: Sequence[str] = ()
) -> Iterator[list[Path]]:
    """Give temporary files that take the place of their targets when the block ends well: the first one last.

    Parameters
    ----------
    targets : sequence of Path
        Files of one folder, which is made where it is missing.
    sources : sequence of Path
        Files that must not be touched.
    overwrite : bool
        Whether files that exist are replaced.
    names : sequence of str
        What the temporary files are called, where a library insists on it; else as their targets.

    Raises
    ------
    OutputError
        ``OUT-EXISTS``, ``OUT-SOURCE``, ``OUT-WRITE``.
    """
    first = targets[0]
    try:
        parent = first.parent.resolve()
        files = [parent / target.name for target in targets]
        refuse_files(files, sources, overwrite=overwrite)
    except (OSError, RuntimeError) as error:
        raise unwritable(first.name, error) from error
    with _beside(files[0]) as beside:
        written = [beside / "new" / name for name in names or [file.name for file in files]]
        yield written
        moves = [(new, file) for new, file in zip(written, files, strict=True) if new.exists()]
        try:
            if not overwrite:
                _place(moves)
            elif len(moves) == 1:  # one file alone is replaced at a stroke
                os.replace(*moves[0])
            else:
                _exchange(moves[::-1], beside)
        except FileExistsError as error:
            raise _exists(first, "was made by another meanwhile") from error
        except OSError as error:
            raise unwritable(first.name, error) from error


def write_file(target: Path, data: bytes, *, overwrite: bool) -> None:
    """Write one file that is there as a whole or not at all.

    Raises
    ------
    OutputError
        As :func:`target_files`.
    """
    with target_files([target], overwrite=overwrite) as (file,):
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
        if file in resolved or (file.exists() and any(s.exists() and file.samefile(s) for s in resolved)):
            raise OutputError("OUT-SOURCE", f"{file.name} is a file of the source; choose another name")
        if file.is_dir():
            raise _exists(file, "is a folder; wanted a file")
        if file.exists() and not file.is_file():
            raise _exists(file, "is no regular file, and is not replaced; choose another name")
        if os.path.lexists(file) and not overwrite:
            raise _exists(file, "exists; choose another name (--overwrite replaces it)")


def _refuse_folder(target: Path, sources: Sequence[Path], overwrite: bool) -> None:
    folders = {
        folder for s in sources for folder in (s.parent.resolve(), s.resolve().parent)
    }  # links, and what they show
    if any(target == f or target in f.parents for f in folders):
        raise OutputError("OUT-SOURCE", f"{target.name} holds files of the source; choose another folder")
    if os.path.lexists(target) and not target.is_dir():
        what = "a file" if target.is_file() else "no folder, and is not replaced"
        raise _exists(target, f"is {what}; wanted a folder that is new or empty")
    if target.is_dir() and any(target.iterdir()) and not overwrite:
        raise _exists(target, "is not empty; --overwrite replaces it as a whole")


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Give a folder beside the target, which goes in the end; so do folders that were made for nothing."""
    missing = [p for p in target.parents if not p.exists()]
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f".{target.name}."[:64], suffix=".part", dir=target.parent))
            (
                folder / "new"
            ).mkdir()  # with the rights that the user's mask leaves, which those of a temporary one are not
        except OSError as error:
            raise unwritable(target.name, error) from error
        try:
            yield folder
        except BaseException:
            _remove(folder, but="old.*")  # what could not be put back is not lost
            raise
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        with suppress(OSError):  # the first one that is in use ends it
            for made in missing:
                made.rmdir()


def _remove(folder: Path, but: str) -> None:
    """Remove a folder and what is in it, but for what has a name of a pattern."""
    for inside in folder.iterdir():
        if inside.is_dir() and not inside.match(but):
            shutil.rmtree(inside, ignore_errors=True)
        elif not inside.match(but):
            inside.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def _place(moves: Sequence[tuple[Path, Path]]) -> None:
    """Put new files in their place, the first one last; none of them is there if one cannot go."""
    placed: list[Path] = []
    try:
        for new, file in reversed(moves):
            _link(new, file)
            placed.append(file)
    except OSError:
        for file in placed:
            file.unlink(missing_ok=True)
        raise


def _link(new: Path, file: Path) -> None:
    """Give a file its name unless something has it; a rename would replace that."""
    try:
        os.link(new, file)
    except FileExistsError:
        raise
    except OSError as error:  # a file system without links
        if os.path.lexists(file):
            raise FileExistsError(error.errno, "exists") from error
        os.replace(new, file)


def _exchange(moves: Sequence[tuple[Path, Path]], beside: Path) -> None:
    """Move the old aside and the new in; put back all that was there if one cannot go."""
    moved: list[tuple[Path, Path]] = []
    try:
        for number, (new, file) in enumerate(moves):
            kept = beside / f"old.{number}"
            if os.path.lexists(file):
                os.replace(file, kept)
            moved.append((file, kept))
            os.replace(new, file)
    except OSError:
        for (new, _), (file, kept) in zip(moves, moved, strict=False):
            with suppress(OSError):
                os.replace(file, new)
            with suppress(OSError):
                os.replace(kept, file)
        raise


def _exists(target: Path, what: str) -> OutputError:
    return OutputError("OUT-EXISTS", f"{target.name} {what}")


def unwritable(name: str, error: Exception) -> OutputError:
    """Return the error of a file or folder, ``OUT-WRITE``, with the reason that the system or a library gives."""
    reason = getattr(error, "strerror", None) or str(error).strip().rpartition("\n")[2] or type(error).__name__
    return OutputError("OUT-WRITE", f"{name} cannot be written: {reason}")
