"""What a file that is no DICOM holds: numbers on a grid, and where the grid lies as far as the file says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.formats.beside import Weights
from derive.formats.place import NOWHERE, Place, Triple


@dataclass(frozen=True, eq=False)
class Samples:
    """A volume as a file has it: nothing rescaled, nothing re-ordered.

    Parameters
    ----------
    name : str
        File name without its folder, or what the object is, for messages.
    format : str
        For people, e.g. ``NIfTI-1``.
    array : (i, j, k, times) or (i, j, k, times, 3)
        The numbers as stored, times 1 where there is no time; the last axis, where there is one, is R G B.
        Any integer, float or boolean type in any memory order; may be a memory map.
    scale : (slope, intercept)
        Stored numbers to real ones, as the file says.
    place : Place
        Where the grid lies, as far as the file says.
    slice_axis : int, optional
        The axis (0, 1 or 2) that the file names as that of the slices; None where it names none.
    time_step_s : float, optional
        Seconds between the times, where the file says so and there are several.
    lossy : (ratio, method), optional
        Compression with loss that the pixels went through: ratio as text, DICOM method, e.g. ``ISO_10918_1``.
    notes : tuple of str
        What was done to the numbers on reading that a user has to know, e.g. alpha that was composited.
    placeable : bool
        Whether the format has words for a place in the patient: nothing is assumed of one that left them out.
    weights : Weights, optional
        Of the volumes by diffusion, where the file says it itself.
    files : tuple of Path
        What the numbers are read from, now or when they are needed.
    """

    name: str
    format: str
    array: NDArray[Any]
    scale: tuple[float, float] = (1.0, 0.0)
    place: Place = NOWHERE
    slice_axis: int | None = None
    time_step_s: float | None = None
    lossy: tuple[str, str] | None = None
    notes: tuple[str, ...] = ()
    placeable: bool = True
    files: tuple[Path, ...] = ()
    weights: Weights | None = None

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """Index (i, j, k, 1) to patient coordinates (LPS, mm); None where the file does not say all of it."""
        return self.place.affine

    @property
    def spacing_mm(self) -> Triple | None:
        """Distances (i, j, k) of voxel centres; None where the file does not say all of them."""
        return self.place.whole_spacing

    @property
    def times(self) -> int:
        """How many volumes one after another."""
        return int(self.array.shape[3])

    @property
    def colour(self) -> bool:
        """Whether a voxel is R G B."""
        return self.array.ndim == 5
