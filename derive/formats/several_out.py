"""Several volumes as one file of NRRD or MetaImage: a header of text, and the values behind it slab by slab.

NRRD with directions of diffusion is as 3D Slicer has it (``modality:=DWMRI``): one largest b-value, and gradients whose
squared length is their share of it, in the space of the file, which its measurement frame says. Volumes are the last
axis: of time where the step is known, else a list.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from derive.formats.content import Content

_NRRD_TYPES = {"int16": "short", "int32": "int", "float32": "float"}
_META_TYPES = {"int16": "MET_SHORT", "int32": "MET_INT", "float32": "MET_FLOAT"}


def write_nrrd(path: Path, content: Content) -> None:
    """Write volumes as ``.nrrd``, packed."""
    with path.open("wb") as stream:
        stream.write(("\n".join(_nrrd_lines(content)) + "\n\n").encode("ascii"))
        with gzip.GzipFile(filename="", mode="wb", fileobj=stream, compresslevel=6, mtime=0) as packed:
            _write_values(cast(BinaryIO, packed), content)


def write_metaimage(path: Path, content: Content) -> None:
    """Write volumes as ``.mha``, or as ``.mhd`` with a ``.raw`` beside it."""
    local = path.suffix == ".mha"
    data = path.with_suffix(".raw")
    with path.open("wb") as stream:
        stream.write("".join(f"{line}\n" for line in _meta_lines(content, "LOCAL" if local else data.name)).encode())
        if local:
            _write_values(stream, content)
    if not local:
        with data.open("wb") as stream:
            _write_values(stream, content)


def _write_values(stream: BinaryIO, content: Content) -> None:
    for _, _, slab in content.slabs():
        stream.write(np.ascontiguousarray(slab.astype(slab.dtype.newbyteorder("<"), copy=False)).tobytes())


def _axes(content: Content) -> NDArray[np.float64]:
    """(3, 3): the vector of a step along columns, rows and slices, mm in LPS, a row each."""
    grid = content.geometry
    return (np.asarray(grid.directions) * grid.spacing)[:, ::-1].T


def _nrrd_lines(content: Content) -> Iterator[str]:
    weights = content.weights if content.weights is not None and any(content.weights.directions) else None
    step = None if weights is not None else content.time_step_s
    rest = [] if step is None else [0.0]
    vectors = [_vector([*axis, *rest]) for axis in _axes(content)]
    yield from ("NRRD0005", f"type: {_NRRD_TYPES[content.dtype.name]}", "dimension: 4")
    yield f"space: left-posterior-superior{'' if step is None else '-time'}"
    yield f"sizes: {_joined(content.shape[::-1])}"
    yield f"space directions: {' '.join(vectors)} {'none' if step is None else _vector([0.0, 0.0, 0.0, step])}"
    yield f"kinds: {'space space space list' if step is None else 'domain domain domain time'}"
    yield from ("endian: little", "encoding: gzip")
    yield 'space units: "mm" "mm" "mm"' + ("" if step is None else ' "s"')
    yield f"space origin: {_vector([*content.geometry.first_position, *rest])}"
    if weights is not None:
        yield "measurement frame: (1,0,0) (0,1,0) (0,0,1)"
        yield from _gradients(weights.b_values, weights.directions)
    yield f"value_units:={content.quantity.units}"


def _gradients(b_values: Sequence[float], directions: Sequence[tuple[float, ...] | None]) -> Iterator[str]:
    largest = max(b_values)
    yield "modality:=DWMRI"
    yield f"DWMRI_b-value:={largest:.9g}"
    for number, (b_value, direction) in enumerate(zip(b_values, directions, strict=True)):
        share = np.sqrt(b_value / largest)
        yield f"DWMRI_gradient_{number:04d}:={_joined(share * np.array(direction or (0.0, 0.0, 0.0)))}"


def _meta_lines(content: Content, data: str) -> Iterator[str]:
    directions = np.eye(4)
    directions[:3, :3] = np.asarray(content.geometry.directions)[:, ::-1].T
    step = 1.0 if content.time_step_s is None else content.time_step_s
    yield from ("ObjectType = Image", "NDims = 4", "BinaryData = True", "BinaryDataByteOrderMSB = False")
    yield from ("CompressedData = False", f"TransformMatrix = {_joined(directions.ravel())}")
    yield f"Offset = {_joined([*content.geometry.first_position, 0.0])}"
    yield f"ElementSpacing = {_joined([*content.geometry.spacing[::-1], step])}"
    yield f"DimSize = {_joined(content.shape[::-1])}"
    yield from (f"ElementType = {_META_TYPES[content.dtype.name]}", f"ElementDataFile = {data}")


def _vector(numbers: Sequence[float]) -> str:
    return "(" + ",".join(f"{v + 0.0:.17g}" for v in numbers) + ")"


def _joined(numbers: Sequence[float] | NDArray[np.float64]) -> str:
    return " ".join(f"{v + 0.0:.17g}" for v in numbers)
