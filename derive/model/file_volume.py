"""A volume whose values come from files that are no DICOM, and which are therefore told by their names and a digest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from derive.model.volume import Volume


@dataclass(frozen=True, eq=False)
class FileVolume(Volume):
    """A volume that was read from files that are no DICOM.

    Parameters
    ----------
    files : tuple of Path
        What was read.
    notes : tuple of str
        What was done to the numbers on reading that a user has to know.
    """

    files: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
