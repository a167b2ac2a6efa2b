"""The way out: a series as one NIfTI, NRRD, MetaImage or numpy file, in real-world values at their place.

Several volumes become the fourth axis, with what tells them apart in the file or beside it.

A file is written in a folder beside its target, read back, and takes its place only when what was read is
what was meant. Values come and go in slabs: at most one array of them is in memory at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from derive.conversion.beside import beside, weights_of
from derive.conversion.moments import time_step_s
from derive.errors import OutputError, UsageError
from derive.formats.content import Content, Found, digest_of, runs
from derive.formats.writers import FORMATS, Format, belongs_to, format_named
from derive.model.classes import target_of
from derive.model.geometry import POSITION_TOLERANCE_MM, Shape, Triple
from derive.model.source import SourceSeries
from derive.model.stacking import refuse_unplaced, stacked
from derive.model.volume import Quantity
from derive.told.wording import flag
from derive.version import MODEL, VERSION
from derive.writing.atomic import target_files, unwritable

SCHEMA = "derive-export/1"


@dataclass(frozen=True)
class Exported:
    """One series as one file.

    Parameters
    ----------
    path : Path
    format : {"NIfTI", "NRRD", "MetaImage", "numpy"}
    shape_xyz : (columns, rows, slices)
    spacing_xyz_mm : (between columns, between rows, between slices)
    dtype : {"int16", "int32", "float32"}
    units : str
    padded_voxels : int
        Pixel padding, which has the fill value of the quantity.
    geometry_error_mm : float
        Largest distance between where the file, read back, has a voxel and the even grid of the series.
    fill : float, optional
        What pixel padding has become; None where there is none.
    volumes : int
        How many there are.
    time_step_s : float, optional
        From one volume to the next, where it is known and the same for all.
    beside : tuple of str
        Names of the files beside it that say what tells volumes apart.
    """

    path: Path
    format: str
    shape_xyz: Shape
    spacing_xyz_mm: Triple
    dtype: str
    units: str
    padded_voxels: int
    geometry_error_mm: float
    fill: float | None = None
    volumes: int = 1
    time_step_s: float | None = None
    beside: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return one line: what was written, of what size, and how exact."""
        units = "" if self.units == "1" else f" {self.units}"
        padded = f", {self.padded_voxels} voxels of padding filled with {self.fill:g}" if self.padded_voxels else ""
        spacing = " x ".join(f"{s:.4g}" for s in self.spacing_xyz_mm)
        many = f"{self.volumes} volumes of " if self.volumes > 1 else ""
        step = f", {self.time_step_s:.4g} s from one to the next" if self.time_step_s else ""
        others = f"; beside it {', '.join(self.beside)}" if self.beside else ""
        return (
            f"{self.path}: {self.format}, {many}{' x '.join(map(str, self.shape_xyz))} voxels of {spacing} mm{step}, "
            f"{self.dtype}{units}, geometry {self.geometry_error_mm:.4f} mm{padded}{others}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        software = {"name": MODEL, "version": VERSION}
        return {"schema": SCHEMA, "software": software} | vars(self) | {"path": str(self.path)}


def export(
    series: SourceSeries, path: Path, *, overwrite: bool = False, padding_value: float | None = None
) -> Exported:
    """Write a series as one file of real-world values, with its geometry.

    Values are int16 or int32 where that loses nothing, else float32. Several volumes become one file, with the
    time from one to the next where it is known, and beside it ``.json`` (names of BIDS) and, of diffusion, ``.bval``
    and ``.bvec`` (FSL); NRRD has b-values and gradients in its header, as 3D Slicer has them (``modality:=DWMRI``).
    Of numpy it is one array (volume, slice, row, column).

    Parameters
    ----------
    series : SourceSeries
    path : Path
        Its suffix says the format: ``.nii``, ``.nii.gz``, ``.nrrd``, ``.mha``, ``.mhd`` (its values in a
        ``.raw`` beside it) or ``.npy`` (its geometry in a ``.json`` beside it). Missing folders are made.
    overwrite : bool
        Whether a file that is there is replaced.
    padding_value : float, optional
        What pixel padding becomes. Without it -1000 in HU, and 0 in MR and PET; of CT in other units nobody knows
        what is outside, and padding is refused.

    Returns
    -------
    Exported

    Raises
    ------
    UsageError
        ``EXP-FORMAT`` for another suffix, ``EXP-PACKAGE`` where nibabel is wanted and not installed.
    OutputError
        ``OUT-EXISTS``, ``OUT-FOREIGN``, ``OUT-SOURCE``, ``OUT-WRITE``, or ``OUT-REREAD`` if what is read back differs.
    GeometryError
        ``GEO-UNPLACED`` for images that do not say where in a patient they lie.
    ValuesError
        ``VAL-...`` for pixels that cannot be decoded; ``VAL-FILL`` for padding of which nobody says what it becomes.

    Notes
    -----
    Slices ascend along the normal, and a reader has nothing to rescale. The place of a voxel is that of the
    even grid: positions that a scanner rounded, by at most 0.1 mm, are not kept, as none of the formats can.
    """
    path = Path(path)
    form = _format_of(path)
    refuse_unplaced(series)
    volumes = stacked(series)
    several = len(volumes.volumes) > 1
    found = beside(series, upward=form.upward) if several and form.beside else {}
    texts = {suffix: text for suffix, text in found.items() if suffix in form.beside}
    names = form.names(path)
    beside_names = {suffix: name for suffix, name in form.names_beside(path).items() if several}
    written = [beside_names[suffix] for suffix in texts]
    targets = [path, *(path.with_name(name) for name in (*names[1:], *written))]
    with target_files(targets, series.paths, overwrite=overwrite, names=(*names, *written)) as (file, *_):
        _refuse_foreign(targets)
        _refuse_stale(path, set(beside_names.values()) - set(written))
        fill = _fill(series, volumes.quantity, padding_value)
        told = (time_step_s(series), weights_of(series)) if several else ()
        content = Content(volumes, series.series_instance_uid, fill, *told)
        try:
            form.write(file, content)
            for suffix, text in texts.items():
                file.with_name(beside_names[suffix]).write_text(text, encoding="utf-8")
        except ImportError as error:
            text = f"the package {error.name} is not installed: pip install {error.name}"
            raise UsageError("EXP-PACKAGE", text) from error
        except (OSError, RuntimeError) as error:
            raise unwritable(path.name, error) from error
        off_mm = _verified(file, form, content)
    shape, spacing = volumes.geometry.shape[::-1], volumes.geometry.spacing[::-1]
    return Exported(
        path,
        form.name,
        shape,
        spacing,
        content.dtype.name,
        content.quantity.units,
        content.padded,
        off_mm,
        content.fill,
        content.count,
        content.time_step_s,
        tuple(written),
    )


def _fill(series: SourceSeries, quantity: Quantity, given: float | None) -> float | None:
    """What padding becomes: as given, else what the class has for its own units; 0 is no air where those are others."""
    if given is not None:
        if not abs(given) <= np.finfo(np.float32).max:
            raise UsageError("VAL-FILL", f"{flag('padding_value')} is {given:g}; wanted a finite number")
        return given
    target = target_of(series.sop_class_uid)
    return quantity.fill if not target.fill or quantity.units == target.units else None


def _refuse_foreign(targets: Sequence[Path]) -> None:
    """Refuse to replace what nobody named: a file beside the target that is of another thing."""
    path, *others = targets
    for other in others:
        if os.path.lexists(other) and not belongs_to(other, path):
            text = f"{other.name}, which would be written beside {path.name}, is there and is no part of such a volume"
            raise OutputError("OUT-FOREIGN", f"{text}; it is not replaced: choose another name, or move it away")


def _refuse_stale(path: Path, names: Iterable[str]) -> None:
    """Refuse to write where a file lies that would be taken for one of these volumes, and is not."""
    for name in sorted(names):
        if os.path.lexists(path.with_name(name)):
            text = f"{name} is there, and readers would take it for what is said of {path.name}"
            raise OutputError("OUT-FOREIGN", f"{text}: choose another name, or move it away")


def _format_of(path: Path) -> Format:
    form = format_named(path)
    if form is None:
        there = ", ".join(f.suffixes[0] for f in FORMATS)
        raise UsageError(
            "EXP-FORMAT", f"{path.name} has no suffix of a format that can be written; wanted one of {there}"
        )
    return form


def _verified(file: Path, form: Format, content: Content) -> float:
    """Read a file back and return how far, in mm, a voxel is from where it belongs."""
    try:
        distance, fault = _compared(form.read(file), content)
    except Exception as error:  # the libraries raise whatever they like on a damaged file
        distance, fault = np.inf, f"it cannot be read ({type(error).__name__})"
    if fault:
        message = f"{file.name} was written and read back: {fault}. Check the disk, or choose another format"
        raise OutputError("OUT-REREAD", message)
    return distance


def _compared(found: Found, content: Content) -> tuple[float, str]:
    """Return the error of the geometry, and what is wrong, if anything is."""
    shape, dtype = content.shape, content.dtype
    if (found.shape, found.dtype) != (shape, dtype):
        return np.inf, f"it has {found.dtype} of shape {found.shape}, wanted {dtype} of {shape}"
    # one voxel beyond the last, so that a single slice has a spacing too
    corners = np.array(list(np.ndindex(2, 2, 2))) * content.geometry.shape
    off = corners @ found.affine[:3, :3].T + found.affine[:3, 3] - content.geometry.points_of(corners)
    distance = float(np.linalg.norm(off, axis=1).max())
    if not distance <= POSITION_TOLERANCE_MM:
        return distance, f"its voxels are {distance:.3g} mm off, wanted at most {POSITION_TOLERANCE_MM} mm"
    slabs = [(volume, *run) for volume in range(content.count) for run in runs(content.geometry.shape[0])]
    for (volume, first, last), digest in zip(slabs, content.digests, strict=True):
        if digest_of(found.slab(volume, first, last)) != digest:
            of = f" of volume {volume + 1}" if content.count > 1 else ""
            return distance, f"other values in slices {first} to {last - 1}{of}"
    return distance, ""
