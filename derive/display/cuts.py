"""Planes of a volume's own grid, seen as people see them: the patient's right on the left, head and front up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError
from derive.model.axes import DISPLAY, AxisOrder, axis_order_of
from derive.model.geometry import Geometry, letters_of
from derive.model.volume import Array, Volume
from derive.told.wording import flag

#: Told how many of how many slices are done.
Progress = Callable[[int, int], None]
PLANES = tuple(DISPLAY)
#: From so many degrees on a plane is called oblique.
LEAST_DEGREES = 1.0
#: Slices that are asked for at a time.
SLAB = 8


class Edges(NamedTuple):
    """Where the edges of a picture lie in the patient."""

    left: str
    right: str
    top: str
    bottom: str


@dataclass(frozen=True)
class Cut:
    """One plane of a grid.

    Parameters
    ----------
    geometry : Geometry
    plane : {"axial", "coronal", "sagittal", "image"}
        The anatomical plane that is nearest, each once; of an image that lies in no patient its own.
    view : AxisOrder
        Which axes of the array become slices, rows and columns of the picture, and which run the other way.
    index : int
        On the axis that the plane is across, from 0.
    """

    geometry: Geometry
    plane: str
    view: AxisOrder
    index: int

    @property
    def axis(self) -> int:
        """Axis of the array that the plane is across."""
        return self.view.axes[0]

    @property
    def count(self) -> int:
        """How many such planes there are."""
        return self.geometry.shape[self.axis]

    @property
    def spacing_mm(self) -> tuple[float, float]:
        """(between rows, between columns) of the picture."""
        _, rows, columns = self.view.axes
        return self.geometry.spacing[rows], self.geometry.spacing[columns]

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of the picture."""
        _, rows, columns = self.view.axes
        return self.geometry.shape[rows], self.geometry.shape[columns]

    @property
    def size_mm(self) -> tuple[float, float]:
        """(height, width), from edge to edge of the voxels."""
        return self.size[0] * self.spacing_mm[0], self.size[1] * self.spacing_mm[1]

    @property
    def edges(self) -> Edges:
        """Letters of the four edges, from the cosines."""
        down, right = (self._direction(place) for place in (1, 2))
        return Edges(letters_of(-right), letters_of(right), letters_of(-down), letters_of(down))

    def _direction(self, place: int) -> NDArray[np.float64]:
        """Direction in the patient of the picture's slices, rows (down) or columns (right)."""
        step: NDArray[np.float64] = self.geometry.directions[:, self.view.axes[place]]
        return -step if self.view.flips[place] else step

    @property
    def name(self) -> str:
        """The plane, and by how much it is off the anatomical one."""
        if not self.geometry.in_patient:
            return self.plane
        across = {"axial": 2, "coronal": 1, "sagittal": 0}[self.plane]
        cosine = min(1.0, abs(float(self._direction(0)[across])))
        degrees = float(np.degrees(np.arccos(cosine)))
        return f"{self.plane}, {degrees:.0f}° oblique" if degrees >= LEAST_DEGREES else self.plane

    @property
    def at_mm(self) -> float:
        """Where it lies along its normal, which points to L, P or H."""
        return float(self._middle() @ self._normal())

    @property
    def place(self) -> str:
        """Where it lies, for people, e.g. ``F 345.5 mm``: so far towards the feet from the origin."""
        along = self._normal() * (1 if self.at_mm >= 0 else -1)
        return f"{letters_of(along)} {abs(self.at_mm):.1f} mm"

    @property
    def which(self) -> str:
        """Which of how many it is, and where; nothing of an image that lies in no patient."""
        return f"{self.index + 1} of {self.count}, {self.place}" if self.geometry.in_patient else ""

    def _normal(self) -> NDArray[np.float64]:
        normal: NDArray[np.float64] = self.geometry.directions[:, self.axis]
        return normal if normal[np.abs(normal).argmax()] > 0 else -normal

    def _middle(self) -> NDArray[np.float64]:
        middle = (np.array(self.geometry.shape) - 1) / 2
        middle[self.axis] = self.index
        return self.geometry.points_of(middle)

    def points(self, finer: tuple[int, int] = (1, 1)) -> NDArray[np.float64]:
        """Patient points (rows, columns, 3) of the picture's pixels, or of so many times as many."""
        indices = np.zeros((self.size[0] * finer[0], self.size[1] * finer[1], 3))
        indices[..., self.axis] = self.index
        for place, times in ((1, finer[0]), (2, finer[1])):
            axis, count = self.view.axes[place], self.size[place - 1]
            along = (np.arange(count * times) + 0.5) / times - 0.5
            along = along[::-1] if self.view.flips[place] else along
            indices[..., axis] = along[:, None] if place == 1 else along
        return self.geometry.points_of(indices)

    def seen(self, values: Array) -> Array:
        """Turn the values of the plane, in the order of the array's axes, as they are seen."""
        _, rows, columns = self.view.axes
        turned = values.T if rows > columns else values
        down, across = (-1 if flip else 1 for flip in self.view.flips[1:])
        return turned[::down, ::across]


def cut_of(geometry: Geometry, plane: str, index: int | None = None) -> Cut:
    """Return a plane of a grid, the middle one unless an index is given."""
    view = axis_order_of(geometry, plane)  # type: ignore[arg-type]  # it refuses other words itself
    return Cut(geometry, plane, view, geometry.shape[view.axes[0]] // 2 if index is None else index)


def cuts_of(geometry: Geometry, plane: str | None = None, slice_number: int | None = None) -> tuple[Cut, ...]:
    """Return the three middle planes of a grid, or one of them.

    Parameters
    ----------
    geometry : Geometry
    plane : str, optional
        Only this one.
    slice_number : int, optional
        From 1, along the axis across that plane; without a plane, along the slices of the volume.

    Raises
    ------
    UsageError
        ``SHOW-PLANE`` for a plane that has no name, ``SHOW-SLICE`` for a slice that is not there.
    """
    if not geometry.in_patient:
        return (_own_cut(geometry, plane, slice_number),)
    if plane is not None and plane not in PLANES:
        raise UsageError("SHOW-PLANE", f"plane {plane!r}; wanted one of {', '.join(PLANES)}")
    cuts = [cut_of(geometry, p) for p in PLANES if plane in (None, p)]
    if slice_number is None:
        return tuple(cuts)
    meant = cuts[0] if plane else next(c for c in cuts if c.axis == 0)
    if not 1 <= slice_number <= meant.count:
        raise UsageError(
            "SHOW-SLICE", f"slice {slice_number}; the {meant.plane} slices are numbered from 1 to {meant.count}"
        )
    return tuple(cut_of(geometry, c.plane, slice_number - 1) if c is meant else c for c in cuts)


def _own_cut(geometry: Geometry, plane: str | None, slice_number: int | None) -> Cut:
    """Return the plane of an image that lies in no patient, as it is stored."""
    if plane is not None:
        raise UsageError("SHOW-PLANE", f"plane {plane!r}; the images lie in no patient, in no plane but their own")
    if slice_number not in (None, 1):
        raise UsageError("SHOW-SLICE", f"slice {slice_number}; a frame is one slice: {flag('volumes', 'N')} chooses it")
    return Cut(geometry, "image", axis_order_of(geometry, "native"), 0)


def values_of(
    volume: Volume, cuts: Sequence[Cut], progress: Progress | None = None, most: int | None = None
) -> list[Array]:
    """Return the values of some planes as they are seen; a slab at a time, and nothing twice.

    Parameters
    ----------
    volume : Volume
        Of several times the first one.
    cuts : sequence of Cut
    progress : callable (done, all), optional
    most : int, optional
        How many slices may be asked for, beside those that are planes themselves; evenly spread.
    """
    needed = _needed(volume.shape[0], cuts, most)
    whole: dict[int, Array] = {}
    lines: dict[int, list[Array]] = {i: [] for i, cut in enumerate(cuts) if cut.axis}
    for done, run in enumerate(_runs(needed)):
        slab = volume.slab(run[0], run[-1] + 1)
        for i, cut in enumerate(cuts):
            if cut.axis:
                lines[i].append(slab[:, cut.index] if cut.axis == 1 else slab[:, :, cut.index])
            elif run[0] <= cut.index <= run[-1]:
                whole[i] = slab[cut.index - run[0]].copy()
        if progress:
            progress(min(len(needed), (done + 1) * SLAB), len(needed))
    if progress:
        progress(len(needed), len(needed))
    whole |= {i: np.concatenate(parts) for i, parts in lines.items()}
    return [cut.seen(whole[i]) for i, cut in enumerate(cuts)]


def _needed(count: int, cuts: Sequence[Cut], most: int | None) -> list[int]:
    own = {cut.index for cut in cuts if cut.axis == 0}
    if all(cut.axis == 0 for cut in cuts):
        return sorted(own)
    spread = np.linspace(0, count - 1, min(count, most or count))
    return sorted(own | {round(float(k)) for k in spread})


def _runs(indices: Sequence[int]) -> Iterator[list[int]]:
    """Group neighbours, at most a slab of them."""
    run: list[int] = []
    for index in indices:
        if run and (index != run[-1] + 1 or len(run) == SLAB):
            yield run
            run = []
        run.append(index)
    if run:
        yield run
