"""Files that are no DICOM and went into a step: found again among what is at hand by the digest of their values."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from derive.errors import DeriveError
from derive.formats import is_picture, is_volume_or_picture
from derive.formats.volume import read_volume
from derive.model.file_volume import FileVolume
from derive.model.source import SourceSeries
from derive.operations.kit.others import DIGEST, Joined
from derive.reading.files import Files

#: How many files of a folder are tried.
_TRIED = 200


def is_of_file(recorded: str) -> bool:
    """Whether what a step records of another source is a digest of values, and no series."""
    return recorded.startswith(DIGEST)


def volume_recorded(recorded: str, sources: Files | None, beside: SourceSeries) -> FileVolume | None:
    """Return the volume of a file whose values have a digest; None where no file at hand does.

    Parameters
    ----------
    recorded : str
        As the step has it: ``values sha256:HEX``, and units behind it unless they are 1.
    sources : path, or iterable of paths, optional
        Files, and folders that hold them.
    beside : SourceSeries
        The series that the step was done to.
    """
    units = recorded.removeprefix(DIGEST).partition(" ")[2] or "1"
    for path in islice(_files(sources), _TRIED):
        try:
            volume = read_volume(path, beside, units=units)
        except DeriveError:
            continue
        if Joined(volume, (volume,)).recorded == recorded:
            return volume
    return None


def _files(sources: Files | None) -> Iterator[Path]:
    named = [] if sources is None else [sources] if isinstance(sources, str | Path) else sources
    for path in map(Path, named):
        below = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        yield from (p for p in below if is_volume_or_picture(p) and not is_picture(p))
