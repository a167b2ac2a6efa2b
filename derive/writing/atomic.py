"""All or none: a folder is made beside its target and renamed when everything in it is right."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    target = target.resolve()
    missing = [p for p in target.parents if not p.exists()]
    try:
        _refuse(target, sources, overwrite)
        target.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(target.parent).free < size:
            raise OutputError("OUT-SPACE", f"{size / 1e6:.0f} MB are needed beside {target}, and there are less")
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise OutputError("OUT-WRITE", f"{target.parent} cannot be written: {error.strerror or error}") from error
    try:
        yield temporary
        _replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if not target.exists():
            _remove_empty(missing)


def _refuse(target: Path, sources: Sequence[Path], overwrite: bool) -> None:
    folders = {
        folder for s in sources for folder in (s.parent.resolve(), s.resolve().parent)
    }  # links, and what they show
    if any(target == f or target in f.parents for f in folders):
        raise OutputError("OUT-SOURCE", f"{target} holds files of the source; choose another folder")
    if target.is_file():
        raise OutputError("OUT-EXISTS", f"{target} is a file; wanted a folder that is new or empty")
    if target.is_dir() and any(target.iterdir()) and not overwrite:
        raise OutputError("OUT-EXISTS", f"{target} is not empty; --overwrite replaces it as a whole")


def _replace(temporary: Path, target: Path) -> None:
    """Move the old folder aside, the new one in, then remove the old one; put it back if that fails."""
    aside = temporary.with_suffix(".old")
    try:
        temporary.chmod(0o777 & ~_umask())
        if target.exists():
            target.rename(aside)
        temporary.rename(target)
    except OSError as error:
        if aside.exists() and not target.exists():
            aside.rename(target)
        raise OutputError("OUT-WRITE", f"{target} cannot be replaced: {error.strerror or error}") from error
    shutil.rmtree(aside, ignore_errors=True)


def _remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders that were made for nothing, the innermost first."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
