"""One frame of a source, and its real-world values (PS3.3 C.11.1, C.7.5.1.1.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.model.geometry import Plane
from derive.model.loss import Loss
from derive.model.volume import Array


class Reference(NamedTuple):
    """Identity of one source instance."""

    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str


@dataclass(frozen=True)
class SourceFrame:
    """One frame of the source.

    Parameters
    ----------
    name : str
        File name, archive member or SOP Instance UID, for messages.
    reference : Reference
        The instance that holds it.
    stored_values : callable () -> (rows, columns) integer array
        Decodes the pixels: sign and bits right, nothing rescaled.
    rescale : (slope, intercept)
        Stored values to real-world values.
    padding : (low, high), optional
        Stored values that are pixel padding (C.7.5.1.1.2).
    stored_range : (low, high)
        What its bits can hold.
    number : int
        Which frame of the instance it is, from 1; which slice, where they lie side by side in its only one; 0 for what
        stands for all of the instance.
    tiled : bool
        Whether it is a slice beside others in a frame: what refers to it refers to the instance.
    plane : Plane, optional
        Where its pixels are, as it says itself; None where it does not.
    loss : Loss, optional
        What its transfer syntax lost of its pixels.
    path : Path, optional
        The file, or the archive that holds it; None for a data set in memory.
    colour : bool
        Whether a pixel is a colour: its stored values are (rows, columns, 3) uint8 then, R G B.
    """

    name: str
    reference: Reference
    stored_values: Callable[[], NDArray[Any]]
    rescale: tuple[float, float]
    padding: tuple[float, float] | None
    stored_range: tuple[int, int]
    number: int = 1
    tiled: bool = False
    plane: Plane | None = None
    loss: Loss | None = None
    path: Path | None = None
    colour: bool = False

    @property
    def lossy(self) -> bool:
        """Whether its pixels are compressed with loss by their transfer syntax."""
        return self.loss is not None


def real_world_values(frame: SourceFrame, out: Array | None = None) -> Array:
    """Decode and rescale one image.

    Parameters
    ----------
    frame : SourceFrame
    out : (rows, columns) float32, optional
        Filled and returned.

    Returns
    -------
    (rows, columns) float32
        NaN where the stored value is pixel padding.
    """
    stored = frame.stored_values()
    slope, intercept = frame.rescale
    values = np.empty(stored.shape, np.float32) if out is None else out
    kind = np.float32 if _exact(frame) else np.float64
    scaled = stored if slope == 1 else np.multiply(stored, slope, dtype=kind)
    np.add(scaled, intercept, out=values, dtype=kind, casting="same_kind")
    if frame.padding is not None:
        low, high = frame.padding
        values[(stored >= low) & (stored <= high)] = np.nan
    return values


def _exact(frame: SourceFrame) -> bool:
    """Whether float32 has every value of an image: sums of integers within its 24 bits."""
    slope, intercept = frame.rescale
    largest = max(map(abs, (*frame.stored_range, *(frame.padding or ()))))
    return slope == 1 and float(intercept).is_integer() and largest + abs(intercept) < 1 << 24
