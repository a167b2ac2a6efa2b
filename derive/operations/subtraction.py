"""Subtraction: of other series, or of frames of a cine from its other frames (digital subtraction angiography)."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.frames import Volumes
from derive.model.volume import Volume
from derive.operations.declaration import operation_along
from derive.operations.kit.masks import MASK, masked, refuse_masks
from derive.operations.kit.others import Align, Others, aligned, picked, refuse_other_units
from derive.operations.kit.pixelwise import by_pixel, combined
from derive.operations.kit.scales import on_no_scale


def _masks(given: Mapping[str, Any]) -> str:
    """What was subtracted in a few words: another series, or frames of the same one."""
    named, logarithms = given["mask_frames"], " log" if given["log"] else ""
    if not named and not given["mask_module"]:
        return f"subtract{' resample' if given['align'] == 'resample' else ''}"
    return f"DSA{logarithms} {f'mask {named}' if named else 'by module'}"


@operation_along(
    "PixelByPixelSubtraction",
    GeometryEffect.KEEPS_GRID,
    ValuesEffect.NEW_QUANTITY,
    terms={"ImageType": "SUBTRACTION"},
    purpose=MASK,
    in_planes=by_pixel,
    short=_masks,
)
def subtract(
    volumes: Volumes,
    series: Others | None = None,
    *,
    align: Align = "geometry",
    mask_frames: str | None = None,
    mask_module: bool = False,
    log: bool = False,
) -> Volumes:
    """Subtract one series or several from another, or frames of a cine from its other frames (DSA).

    Parameters
    ----------
    volumes : Volumes
    series : SourceSeries, or a sequence of them
        What is taken away, several one after another: of the same patient, and in the same frame of reference.
    align : {"geometry", "resample"}
        Whether it has to lie on the grid of the first within 0.01 mm, or is interpolated on it.
    mask_frames : str, optional
        Instead of another series the mean of frames of this one is taken from all of them: their numbers from 1 on, 1
        or 1,3-5; of other than cines those of volumes.
    mask_module : bool
        Instead of another series its own Mask Subtraction Sequence says which frames are taken from which: averages,
        time intervals forwards and in reverse, averaged contrast frames, and a shift by parts of a pixel, for which the
        mask is interpolated linearly. Frames of which it says nothing are left out.
    log : bool
        Whether natural logarithms are subtracted, of frames and their masks: a vessel is then as dark over bone as
        beside it. Values below one step count as one step.

    Raises
    ------
    SourceError
        ``SRC-PATIENT`` for a series of another patient.
    GeometryError
        ``GEO-FOR`` for another frame of reference, ``GEO-GRID`` for another grid, ``GEO-OVERLAP`` for one that lies
        elsewhere, ``GEO-4D`` for other volumes.
    ValuesError
        ``VAL-UNITS`` for other units.
    UsageError
        ``OP-SERIES`` where nothing is said to be taken away, ``OP-MASK`` for frames that are not there, several cines,
        or a module that names no mask; ``OP-LOG`` for logarithms of logarithms, or of other series.
    """
    if series is None:
        return masked(volumes, mask_frames, mask_module=mask_module, log=log)
    refuse_masks(mask_frames, mask_module=mask_module, log=log)
    beside = (picked({"series": series}, number)["series"] for number in range(len(volumes.volumes)))
    each = (_less(volume, others, align) for volume, others in zip(volumes.volumes, beside, strict=True))
    return replace(volumes, volumes=tuple(each))


def _less(volume: Volume, series: Others, align: Align) -> Volume:
    others = aligned(volume, series, align)
    refuse_other_units("subtract", volume.quantity, others)
    quantity = on_no_scale(volume.quantity, (other.quantity for other in others))
    return combined((volume, *others), lambda slabs: functools.reduce(np.subtract, slabs), quantity, _difference)


def _difference(ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
    (low, high), *others = ranges
    return low - sum(r[1] for r in others), high - sum(r[0] for r in others)
