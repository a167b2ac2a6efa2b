"""The source at the places of a result: the same voxels, the nearest slice, or a cut along the result's plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from derive.display.cuts import Cut, Progress, values_of
from derive.display.sampling import clamped, sample
from derive.display.sight import Sight
from derive.errors import GeometryError, UsageError
from derive.model.geometry import POSITION_TOLERANCE_MM, Geometry
from derive.model.volume import Array
from derive.told.wording import flag

#: Axes whose cosine is nearer to 1 than this run side by side.
PARALLEL = 1e-3
#: A source of finer pixels is shown with at most so many times the pixels of the result, along each side.
FINEST = 8
SAME = "source and result are on the same grid"
IN_PLANE = (
    "source: its nearest slices; for the difference resampled linearly in their plane to the pixels of the result"
)
ACROSS = "source: cut along the planes of the result, between slices too, resampled linearly"


@dataclass(frozen=True, eq=False)
class Against:
    """The source at the places of some planes of a result.

    Parameters
    ----------
    values : list of arrays
        At the pixels of the result.
    pictures : list of arrays
        The same, with more pixels where the source is finer.
    captions : list of (str, str)
        Which plane, and where.
    method : str
        How they were had.
    note : str
        What else has to be known.
    """

    values: list[Array]
    pictures: list[Array]
    captions: list[tuple[str, str]]
    method: str
    note: str = ""


def check(result: Sight, source: Sight) -> None:
    """Refuse what has no common place.

    Raises
    ------
    UsageError
        ``SHOW-PLACE`` if one of them does not say where it lies.
    GeometryError
        ``SHOW-FRAME`` if they are in different frames of reference.
    """
    if _alike_beside_patients(result.geometry, source.geometry):
        return
    for name, sight in (("result", result), ("source", source)):
        if not sight.placed:
            raise UsageError("SHOW-PLACE", f"the {name} does not say how it lies in the patient; show it by itself")
    ours, theirs = (s.geometry.frame_of_reference_uid for s in (result, source))
    if ours and theirs and ours != theirs:
        raise GeometryError(
            "SHOW-FRAME",
            f"the result is in Frame of Reference {ours}, the source in {theirs}: places in one mean nothing in the "
            "other. Show each by itself",
        )


def _alike_beside_patients(ours: Geometry, theirs: Geometry) -> bool:
    """Whether both lie in no patient, and have as many rows and columns: a place is then that of a pixel."""
    return not (ours.in_patient or theirs.in_patient) and ours.shape == theirs.shape


def planes_of(source: Sight, cuts: Sequence[Cut], progress: Progress | None = None) -> Against:
    """Return the source at the places of some planes of a result.

    Raises
    ------
    GeometryError
        ``SHOW-APART`` if none of the planes meets it.
    """
    here, there = source.geometry, cuts[0].geometry
    unstated = not (here.frame_of_reference_uid and there.frame_of_reference_uid)
    note = "not both state a Frame of Reference; taken for the same" if unstated and here.in_patient else ""
    if here.largest_distance(there) <= POSITION_TOLERANCE_MM or _alike_beside_patients(here, there):
        same = values_of(source.volume, cuts, progress)
        return Against(same, same, [(cut.name, cut.which) for cut in cuts], SAME, note)
    axes = _axes_alike(here, there)
    finer = [_finer(here, axes, cut) for cut in cuts]
    grids = [_indices(here, axes, cut, (1, 1)) for cut in cuts]
    grids += [_indices(here, axes, cut, times) for cut, times in zip(cuts, finer, strict=True)]
    if not any(clamped(source.volume, g)[1].any() for g in grids):
        raise GeometryError(
            "SHOW-APART",
            f"none of the planes meets the source; choose others ({flag('plane')}, {flag('slice')}) or another source",
        )
    flat = sample(source.volume, np.concatenate([g.reshape(-1, 3) for g in grids]), progress)
    ends = np.cumsum([g.shape[0] * g.shape[1] for g in grids])[:-1]
    sampled = [part.reshape(g.shape[:2]) for part, g in zip(np.split(flat, ends), grids, strict=True)]
    captions = [_nearest(here, axes, cut) for cut in cuts]
    return Against(sampled[: len(cuts)], sampled[len(cuts) :], captions, IN_PLANE if axes else ACROSS, note)


def _axes_alike(here: Geometry, there: Geometry) -> tuple[int, ...] | None:
    """For each axis of the result the axis of the source that runs along it; None for grids at an angle."""
    cosines = np.abs(there.directions.T @ here.directions)
    axes = tuple(int(a) for a in cosines.argmax(axis=1))
    return axes if float(cosines.max(axis=1).min()) >= 1 - PARALLEL**2 / 2 else None


def _indices(here: Geometry, axes: tuple[int, ...] | None, cut: Cut, finer: tuple[int, int]) -> NDArray[np.float64]:
    """Indices in the source of the pixels of a plane; in the nearest slice where there is one."""
    indices = here.index_of(cut.points(finer))
    if axes is not None:
        along = axes[cut.axis]
        indices[..., along] = _nearest_index(here, along, cut)
    return indices


def _nearest_index(here: Geometry, along: int, cut: Cut) -> int:
    middle = here.index_of(cut.points()[cut.size[0] // 2, cut.size[1] // 2])[along]
    return int(np.floor(float(middle) + 0.5))


def _finer(here: Geometry, axes: tuple[int, ...] | None, cut: Cut) -> tuple[int, int]:
    """How many pixels of the source there are to one of the result, down and across."""
    own = [here.spacing[axes[a]] for a in cut.view.axes[1:]] if axes else [min(here.spacing)] * 2
    down, across = (int(np.clip(np.ceil(r / s - 1e-6), 1, FINEST)) for r, s in zip(cut.spacing_mm, own, strict=True))
    return down, across


def _nearest(here: Geometry, axes: tuple[int, ...] | None, cut: Cut) -> tuple[str, str]:
    if axes is None:
        return f"{cut.plane} of the result", cut.place
    along = axes[cut.axis]
    index = _nearest_index(here, along, cut)
    if not 0 <= index < here.shape[along]:
        return cut.name, "no slice there"
    middle = (np.array(here.shape) - 1) / 2
    middle[along] = index
    distance = abs(float((here.points_of(middle) - cut.points()[0, 0]) @ cut.geometry.directions[:, cut.axis]))
    away = f", {distance:.2f} mm away" if distance > POSITION_TOLERANCE_MM else ""
    return cut.name, f"{index + 1} of {here.shape[along]}{away}"
