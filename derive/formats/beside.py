"""What lies beside a file of several volumes and tells them apart: b-values and directions (FSL), times (BIDS)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import SourceError
from derive.formats.stored import damaged

_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")
_LONGEST = 1 << 20
#: How far from 1 the length of a direction may be that was written with few digits.
_ROUNDED = 0.02


class Weights(NamedTuple):
    """How volumes are weighted by diffusion.

    Parameters
    ----------
    b_values : tuple of float
        In s/mm2, a volume each.
    directions : tuple of (tuple of float or None)
        Unit vectors in the patient (LPS); None where there is none.
    """

    b_values: tuple[float, ...]
    directions: tuple[tuple[float, ...] | None, ...]


class Times(NamedTuple):
    """When frames begin, and how long they are, in seconds; a volume each."""

    starts_s: tuple[float, ...]
    lengths_s: tuple[float, ...]


def files_beside(files: Sequence[Path]) -> tuple[Path, ...]:
    """Return what lies beside a NIfTI under its name, and may say something of its volumes."""
    return tuple(found for suffix in (".bval", ".bvec", ".json") if (found := _beside(files, suffix)) is not None)


def weights_beside(files: Sequence[Path], count: int, affine: NDArray[np.float64]) -> Weights | None:
    """Return what the ``.bval`` and ``.bvec`` beside a NIfTI say; None where there is no ``.bval``.

    Parameters
    ----------
    files : sequence of Path
        That the volumes are read from.
    count : int
        How many volumes there are.
    affine : (4, 4)
        Of their indices to LPS mm. Components of a direction are along the axes of the voxels, the first against them
        where the affine has a positive determinant, as FSL has it.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED`` for a file that holds no such numbers; ``SRC-BESIDE`` where it is of another count of volumes.
    """
    path = _beside(files, ".bval")
    if path is None:
        return None
    (b_values,) = _rows(path, 1)
    if len(b_values) != count:
        raise _of_another(path, len(b_values), count)
    others = _beside(files, ".bvec")
    if others is None:
        return Weights(tuple(b_values.tolist()), (None,) * count)
    vectors = _rows(others, 3)
    if vectors.shape[1] != count:
        raise _of_another(others, vectors.shape[1], count)
    return Weights(tuple(b_values.tolist()), _in_patient(vectors, affine, others.name))


def _in_patient(
    vectors: NDArray[np.float64], affine: NDArray[np.float64], name: str
) -> tuple[tuple[float, ...] | None, ...]:
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    if np.linalg.det(axes) > 0:
        axes[:, 0] *= -1
    lengths = np.linalg.norm(vectors, axis=0)
    odd = (np.abs(lengths - 1) > _ROUNDED) & (lengths > 0)
    if odd.any():
        which = int(odd.argmax())
        raise damaged(name, f"direction {which + 1} has the length {lengths[which]:.3g}; wanted 1, or 0 for none")
    found = np.round(axes @ (vectors / np.where(lengths > 0, lengths, 1)), 9) + 0.0
    return tuple(tuple(v.tolist()) if n > 0 else None for v, n in zip(found.T, lengths, strict=True))


def times_beside(files: Sequence[Path], count: int) -> Times | None:
    """Return what the ``.json`` beside a NIfTI says of its frames; None where it says nothing of them.

    Raises
    ------
    derive.errors.SourceError
        As :func:`times_in`.
    """
    path = _beside(files, ".json")
    return None if path is None else times_in(path, count)


def times_in(path: Path, count: int) -> Times | None:
    """Return FrameTimesStart and FrameDuration of a ``.json``; None where it has none.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``, ``SRC-MISSING``, or ``SRC-BESIDE`` where it is of another count of volumes.
    """
    try:
        found = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise damaged(path.name, "it is no JSON") from error
    said = [found.get(k) for k in ("FrameTimesStart", "FrameDuration")] if isinstance(found, dict) else [None]
    if None in said:
        return None
    starts, lengths = (_numbers(each, path.name) for each in said)
    for each in (starts, lengths):
        if len(each) != count:
            raise _of_another(path, len(each), count)
    return checked_times(Times(starts, lengths), path.name)


def checked_times(times: Times, name: str) -> Times:
    """Return times that go on, of frames that have a length.

    Raises
    ------
    derive.errors.SourceError
        ``SRC-DAMAGED``.
    """
    if min(times.lengths_s) <= 0 or any(b <= a for a, b in pairwise(times.starts_s)):
        raise damaged(name, "its frames do not begin one after another, or last no time")
    return times


def _numbers(values: Any, name: str) -> tuple[float, ...]:
    plain = isinstance(values, list) and all(type(v) in (int, float) and np.isfinite(v) for v in values)
    if not plain or not values:
        raise damaged(name, "its times are no list of numbers")
    return tuple(float(v) for v in values)


def _beside(files: Sequence[Path], suffix: str) -> Path | None:
    """Return the file of the same name beside a NIfTI; None where there is none."""
    for file in files:
        for own in (s for s in _SUFFIXES if file.name.lower().endswith(s)):
            other = file.with_name(file.name[: -len(own)] + suffix)
            return other if other.is_file() else None
    return None


def _rows(path: Path, count: int) -> NDArray[np.float64]:
    """Return so many rows of numbers; as many columns do as well."""
    try:
        rows = [[float(v) for v in line.replace(",", " ").split()] for line in _text(path).splitlines() if line.strip()]
        found = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise damaged(path.name, "it does not hold rows of numbers of one length") from error
    if found.ndim == 2 and found.shape[0] != count and found.shape[1] == count:
        found = found.T
    if found.ndim != 2 or found.shape[0] != count or not np.isfinite(found).all():
        raise damaged(path.name, f"it holds numbers of the shape {found.shape}; wanted {count} in each column")
    return found


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST).decode("ascii", "replace")
    except FileNotFoundError as error:
        raise SourceError("SRC-MISSING", f"{path.name} does not exist") from error
    except OSError as error:
        raise damaged(path.name, "it cannot be read") from error


def _of_another(path: Path, found: int, count: int) -> SourceError:
    text = f"{path.name} says {found} values, and the file beside it has {count} volumes"
    return SourceError("SRC-BESIDE", f"{text}; move it away, or put the right one there")
