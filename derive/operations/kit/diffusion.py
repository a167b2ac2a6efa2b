"""Modified curvature diffusion: the flow along edges, in differences between neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derive.model.geometry import Triple
from derive.model.volume import Array

#: What keeps a gradient of 0 from being divided by, as in ITK.
LEAST_SQUARED = np.float32(1e-10)
#: The length of a step, in parts of the square of the smallest spacing: half of what would be stable.
PART = 1 / 16


@dataclass(frozen=True)
class CurvatureFlow:
    """How values flow.

    Parameters
    ----------
    axes : tuple of int
        Along which.
    spacing : (slice, row, column) mm
    conductance : float
        Change per mm where edges begin.
    """

    axes: tuple[int, ...]
    spacing: Triple
    conductance: float

    def after(self, steps: int, values: Array) -> Array:
        """Return values after some steps: (slices, rows, columns) float32, NaN where there is padding."""
        if not self.axes:
            return values
        time = np.float32(PART * min(self.spacing[axis] for axis in self.axes) ** 2)
        padded = bool(np.isnan(values).any())
        for _ in range(steps):
            values = values + time * self._change(values, padded=padded)
        return values

    def _change(self, values: Array, *, padded: bool) -> Array:
        """Return the change of the values with time: their slope against the flow, times what flows together."""
        ahead = {axis: self._ahead(values, axis, padded=padded) for axis in self.axes}
        behind = {axis: _before(each, axis) for axis, each in ahead.items()}
        central = {axis: (ahead[axis] + behind[axis]) * np.float32(0.5) for axis in self.axes}
        speed, rising, falling = (np.zeros(values.shape, np.float32) for _ in range(3))
        for axis in self.axes:
            flow = self._flow(ahead, central, axis)
            speed += (flow - _before(flow, axis)) / np.float32(self.spacing[axis])
            rising += np.minimum(behind[axis], 0) ** 2 + np.maximum(ahead[axis], 0) ** 2
            falling += np.maximum(behind[axis], 0) ** 2 + np.minimum(ahead[axis], 0) ** 2
        return np.asarray(np.sqrt(np.where(speed > 0, rising, falling)) * speed)

    def _ahead(self, values: Array, axis: int, *, padded: bool) -> Array:
        """Return the slopes towards the next voxels of an axis; none over the border or into padding."""
        slopes = np.zeros(values.shape, np.float32)
        here, there = _all_but_last(axis), _all_but_first(axis)
        np.subtract(values[there], values[here], out=slopes[here])
        slopes *= np.float32(1 / self.spacing[axis])
        return np.nan_to_num(slopes, copy=False, nan=0.0) if padded else slopes

    def _flow(self, ahead: dict[int, Array], central: dict[int, Array], axis: int) -> Array:
        """Return what flows from each voxel to the next one of an axis: by the gradient between both."""
        squared = ahead[axis] ** 2
        for other in (a for a in self.axes if a != axis):
            between = central[other].copy()
            between[_all_but_last(axis)] += central[other][_all_but_first(axis)]
            between[_last(axis)] *= 2
            squared += between * between * np.float32(0.25)
        through = np.exp(squared * np.float32(-0.5 / self.conductance**2))
        return np.asarray(ahead[axis] / np.sqrt(squared + LEAST_SQUARED) * through)


def _before(values: Array, axis: int) -> Array:
    """Return what each voxel's predecessor along an axis has; 0 where there is none."""
    result = np.zeros_like(values)
    result[_all_but_first(axis)] = values[_all_but_last(axis)]
    return result


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    return (*[slice(None)] * axis, part)


def _all_but_last(axis: int) -> tuple[slice, ...]:
    return _along(axis, slice(None, -1))


def _all_but_first(axis: int) -> tuple[slice, ...]:
    return _along(axis, slice(1, None))


def _last(axis: int) -> tuple[slice, ...]:
    return _along(axis, slice(-1, None))
