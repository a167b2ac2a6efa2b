"""A segmentation is read by highdicom before it counts as written: the extra ``seg``.

*2026-12-01, what highdicom is for here.* It writes segmentations too. It takes patient and study from its source images
as they are, where we pull them, and stops at what is illegal there; it draws UIDs and asks the clock by itself, where
results of ours can be made again; it holds all pixels at once; and it wants the family of an algorithm (CID 7162),
which the standard leaves open. So frames, groups and references are authored like those of any result, and highdicom,
which reads segmentations as those do who use them, has to find in every file the segments and the pixels of every frame
that were meant, and the first slice at one of the places of the grid; that each frame says its own is seen to by the
writer, as of every series.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from derive.errors import OutputError, UsageError
from derive.model.geometry import ONE_GRID_MM
from derive.model.segmented import Segmented

_NEEDED = "a segmentation is read back by the package highdicom before it counts as written: {}"
INSTALL = "pip install 'dicom-derive[seg]'"


def need_highdicom() -> None:
    """Refuse to begin without it.

    Raises
    ------
    UsageError
        ``SEG-HIGHDICOM``
    """
    try:
        import highdicom  # noqa: F401 - whether it is there
    except ImportError:
        raise UsageError("SEG-HIGHDICOM", _NEEDED.format(INSTALL)) from None


def prove(frames: Segmented, folder: Path) -> None:
    """Have highdicom read what was written.

    Parameters
    ----------
    frames : Segmented
        What was meant.
    folder : Path
        With one file.

    Raises
    ------
    OutputError
        ``OUT-REREAD`` where it finds other segments, frames or places.
    """
    import highdicom.seg

    for path in folder.iterdir():
        found = highdicom.seg.segread(path)
        wrong = _wrong(frames, found)
        if wrong:
            raise OutputError("OUT-REREAD", f"{path.name} as highdicom reads it has {wrong}; nothing is kept")


def _wrong(frames: Segmented, found: Any) -> str:
    """Return what is not as it was meant; empty where everything is."""
    if list(found.segment_numbers) != [segment.number for segment in frames.segments]:
        return "other segments"
    if int(found.NumberOfFrames) != frames.count:
        return "another number of frames"
    said = [int(n) for n in found.get_stored_frame(1).shape]
    if said != list(frames.shape[1:]):
        return "another matrix"
    for index in range(frames.count):
        if not np.array_equal(found.get_stored_frame(index + 1), frames.slab(index, index + 1)[0]):
            return f"other pixels in frame {index + 1}"
    affine = _affine(found)
    if affine is not None and not any(_close(affine, frames, place) for place in range(frames.slices)):
        return "another place"
    return ""


def _affine(found: Any) -> Any:
    geometry = found.get_volume_geometry(allow_missing_positions=True)
    return None if geometry is None else geometry.affine


def _close(affine: Any, frames: Segmented, place: int) -> bool:
    """Whether its first slice is one of the grid, at all its corners."""
    rows, columns = frames.shape[1:]
    corners = np.array([(0, r, c, 1) for r in (0, rows - 1) for c in (0, columns - 1)], float)
    wanted = frames.grid.points_of(corners[:, :3] + [place, 0, 0])
    return float(np.abs((corners @ affine.T)[:, :3] - wanted).max()) <= ONE_GRID_MM
