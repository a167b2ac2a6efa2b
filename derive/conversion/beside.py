"""What is written beside several volumes: what is known of them, b-values and directions, as others look for it.

``.json`` has the names of BIDS (``beside.tsv``: attribute, and what makes it of seconds), ``.bval`` and ``.bvec`` are
as FSL has them. A value on which volumes agree stands once, one that tells them apart once a volume; one that goes on
from slice to slice not at all. Nothing names the patient, and no text that a person wrote is in it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.multival import MultiValue

from derive.conversion.moments import slice_timing_s, starts_s, steps_of
from derive.elements.element import tag_of
from derive.elements.encoding import numbers_of
from derive.formats.beside import Weights
from derive.formats.content import dimensions_said
from derive.formats.writers import WRITTEN_BY
from derive.model.dimension import DimensionValue, dimension_kinds
from derive.model.source import SourceSeries
from derive.version import VERSION

_B_VALUE, _DIRECTION = "DiffusionBValue", "DiffusionGradientOrientation"


class _Fact(NamedTuple):
    """One row of ``beside.tsv``."""

    name: str
    keyword: str
    kind: str
    scale: float
    listed: bool
    beside: str


@cache
def _facts() -> tuple[_Fact, ...]:
    table = files(__package__).joinpath("beside.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines(), delimiter="\t")
    return tuple(
        _Fact(r["name"], r["keyword"], r["kind"], float(r["scale"] or 1), r["list"] == "yes", r["with"]) for r in rows
    )


def weights_of(series: SourceSeries) -> Weights | None:
    """Return how volumes are weighted by diffusion; None where that is not known of every one, or none is."""
    weights = _of_each(series, _B_VALUE)
    if not all(isinstance(b, float) for b in weights) or not any(weights):
        return None
    given = zip(_of_each(series, _DIRECTION), weights, strict=True)
    directions = tuple(d if isinstance(d, tuple) and b else None for d, b in given)
    return Weights(tuple(float(b) for b in weights if isinstance(b, float)), directions)


def beside(series: SourceSeries, *, upward: bool = True) -> dict[str, str]:
    """Return the texts of the files beside a file of several volumes, by suffix.

    Parameters
    ----------
    series : SourceSeries
        Of several volumes.
    upward : bool
        Whether rows run upward in the file: directions are along its axes.

    Returns
    -------
    dict
        ``.json`` always; ``.bval`` where a b-value is known of every volume, ``.bvec`` where directions are, too.
    """
    found = {".json": json.dumps(_known(series), indent=1) + "\n"}
    weights = weights_of(series)
    if weights is not None:
        found[".bval"] = _line(weights.b_values)
        if any(_of_each(series, _DIRECTION)):
            found[".bvec"] = "".join(map(_line, _in_voxels(series, weights, upward)))
    return found


def _of_each(series: SourceSeries, keyword: str) -> list[DimensionValue]:
    """Return what tells volumes apart, else what all slices of each volume say."""
    told = next((d for d in series.dimensions if d.keyword == keyword), None)
    if told is not None:
        return [float(v) if isinstance(v, int) else v for v in told.values]
    slices = series.geometry.shape[0]
    return [_said(series, keyword, index) for index in range(0, len(series.frames), slices)]


def _said(series: SourceSeries, keyword: str, index: int) -> DimensionValue:
    """Return what a frame says, in the attribute of the standard or of a vendor."""
    tags = (tag_of(keyword), *dimension_kinds()[keyword].private)
    found = (series.table.element(tag, index) for tag in tags)
    numbers = next((values for e in found if e is not None and len(values := numbers_of(e))), None)
    if numbers is None or not np.isfinite(numbers).all():
        return None
    return float(numbers[0]) if len(numbers) == 1 else tuple(float(v) for v in numbers) if len(numbers) == 3 else None


def _in_voxels(series: SourceSeries, weights: Weights, upward: bool) -> NDArray[np.float64]:
    """(3, volumes): directions along the voxels of the file: columns, rows, slices; 0 0 0 where there is none.

    FSL takes the first for along the first axis of a file in radiological order, and against it in any other.
    """
    grid = series.geometry
    row, column = np.array(grid.row_cosines), np.array(grid.column_cosines)
    axes = np.stack([row, -column, np.cross(row, column)] if upward else [-row, column, np.cross(row, column)])
    given = [d or (0.0, 0.0, 0.0) for d in weights.directions]
    return np.asarray(np.round(axes @ np.array(given, dtype=np.float64).T, 9) + 0.0)


def _line(numbers: Sequence[float] | NDArray[np.float64]) -> str:
    return " ".join(f"{n:.7g}" for n in numbers) + "\n"


def _known(series: SourceSeries) -> dict[str, Any]:
    """Return what is known of volumes, under the names of BIDS."""
    found: dict[str, Any] = {}
    for fact in _facts():
        said = not fact.beside or series.value(fact.beside, 0) is not None
        value = _value(series, fact) if said else None
        if value is not None:
            found[fact.name] = value
    found |= _times(series, frames="FrameDuration" in found)
    found |= dict([WRITTEN_BY]) | {"ConversionSoftwareVersion": VERSION}
    return found | {"VolumeDimensions": dimensions_said(series.dimensions)}


def _times(series: SourceSeries, *, frames: bool) -> Mapping[str, Any]:
    """Return when volumes and slices are, in seconds after the first; even times of others than PET say the step."""
    starts, timing = starts_s(series), slice_timing_s(series)
    found: dict[str, Any] = {"SliceTiming": timing} if timing else {}
    if starts is not None and any(starts) and (frames or steps_of(starts) is None):
        found["FrameTimesStart" if frames else "VolumeTiming"] = starts
    return found


def _value(series: SourceSeries, fact: _Fact) -> Any:
    slices, values = series.geometry.shape[0], [_read(v, fact) for v in series.values(fact.keyword)]
    each = [values[k : k + slices] for k in range(0, len(values), slices)]
    if any(value is None or v != value for volume in each for value in volume[:1] for v in volume):
        return None
    firsts = [volume[0] for volume in each]
    return firsts[0] if not fact.listed and all(v == firsts[0] for v in firsts) else firsts


def _read(value: Any, fact: _Fact) -> Any:
    if value is None or value == "":
        return None
    if fact.kind == "texts":
        return [str(v) for v in ([value] if isinstance(value, str) else value)]
    if fact.kind == "text":
        return str(value)
    return float(f"{float(value) * fact.scale:.9g}") if not isinstance(value, MultiValue) else None
