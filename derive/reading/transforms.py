"""Registrations that are read: objects of DICOM (PS3.3 C.20.2, C.20.3), transform files of ITK, matrices as text."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from derive.errors import DeriveError, GeometryError, SourceError
from derive.model.geometry import Geometry, triple
from derive.model.source_frame import Reference
from derive.model.transform import Deformation, ItkDeformation, Part, Points, Transform, VectorGrid, inverted, matrix_of
from derive.reading.files import has_preamble

SPATIAL = "1.2.840.10008.5.1.4.1.1.66.1"
DEFORMABLE = "1.2.840.10008.5.1.4.1.1.66.3"
#: How a text of ITK begins, and the names of its other files.
_INSIGHT, _ITK_NAMES = b"#Insight Transform File", (".tfm", ".h5", ".hdf5", ".mat", ".xfm")
#: A matrix of text is shorter.
_LONGEST_TEXT = 1 << 16
#: Products of several matrices are one, whatever their order, within this.
_SAME = 1e-6


def read_transform(path: str | Path) -> Transform:
    """Read a registration.

    Parameters
    ----------
    path : str or Path
        A Spatial Registration or Deformable Spatial Registration object; a transform file of ITK (``.tfm``, ``.h5``,
        ``.mat`` of ANTs), which maps points of the fixed series to the moving one; or a text of 4 x 4 numbers, which
        maps those of the moving series to the fixed one as DICOM's matrix does. All in mm of the patient (LPS).

    Raises
    ------
    SourceError
        ``SRC-MISSING``, ``SRC-UNREADABLE``; ``SRC-TRANSFORM`` for what is no registration.
    GeometryError
        ``GEO-MATRIX``, ``GEO-SINGULAR``; ``GEO-GRID`` for vectors that are not as many as their grid has points.
    """
    where = Path(path)
    try:
        data = where.read_bytes()
    except FileNotFoundError:
        raise SourceError("SRC-MISSING", f"{where.name}: there is no such file") from None
    except OSError as error:
        raise SourceError("SRC-UNREADABLE", f"{where.name}: {error.strerror}") from None
    if has_preamble(data):
        return _of_dicom(where)
    recorded = f"sha256:{hashlib.sha256(data).hexdigest()}"
    if data.startswith(_INSIGHT) or where.suffix.lower() in _ITK_NAMES:
        return Transform(recorded, (_of_itk(where),))
    return Transform(recorded, (Part("", _of_text(data, where.name)),))


def _of_text(data: bytes, name: str) -> Points:
    words = re.sub(r"#[^\n]*", "", data[:_LONGEST_TEXT].decode("utf-8", "replace")).replace(",", " ").split()
    try:
        numbers = [float(w) for w in words]
    except ValueError:
        raise SourceError(
            "SRC-TRANSFORM",
            f"{name} is no registration; wanted a (Deformable) Spatial Registration object, a transform file of ITK, "
            "or 4 x 4 numbers as text",
        ) from None
    return matrix_of(numbers, name)


def _of_itk(path: Path) -> Part:
    import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it

    try:
        transform = sitk.ReadTransform(str(path))
    except RuntimeError:
        raise SourceError("SRC-TRANSFORM", f"{path.name}: ITK cannot read it as a transform") from None
    if transform.GetDimension() != 3:
        raise SourceError("SRC-TRANSFORM", f"{path.name}: a transform of {transform.GetDimension()} dimensions, not 3")
    if not transform.IsLinear():
        return Part("", None, ItkDeformation(transform))
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([np.array(transform.TransformPoint(a)) - origin for a in np.eye(3).tolist()], axis=1)
    matrix[:3, 3] = origin
    return Part("", inverted(matrix_of(matrix.ravel().tolist(), path.name)))


def _of_dicom(path: Path) -> Transform:
    try:
        dataset = pydicom.dcmread(path)
        found = str(dataset.get("SOPClassUID", ""))
        if found not in (SPATIAL, DEFORMABLE):
            raise SourceError(
                "SRC-TRANSFORM",
                f"{path.name} is of SOP Class {found or 'none'}; wanted Spatial Registration {SPATIAL} or Deformable "
                f"Spatial Registration {DEFORMABLE}",
            )
        parts = tuple(_spatial(dataset, path.name) if found == SPATIAL else _deformable(dataset, path.name))
        uids = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
        study, series, instance = map(str, uids)
        fixed = str(dataset.FrameOfReferenceUID)
    except DeriveError:
        raise
    except Exception as error:  # whatever pydicom meets in a file that is malformed
        lacking = f": {error}" if isinstance(error, AttributeError) else ""
        raise SourceError("SRC-TRANSFORM", f"{path.name}: the registration cannot be read{lacking}") from None
    patient = tuple(str(dataset.get(k, "") or "").strip() for k in ("PatientID", "IssuerOfPatientID"))
    return Transform(instance, parts, fixed, _reference(found, instance, series, study), patient)


def _reference(sop_class: str, instance: str, series: str, study: str) -> Reference:
    return Reference(
        sop_class_uid=sop_class, sop_instance_uid=instance, series_instance_uid=series, study_instance_uid=study
    )


def _spatial(dataset: Dataset, name: str) -> Iterator[Part]:
    """Give how each space gets to the registered one."""
    for item in dataset.RegistrationSequence:
        items = item.MatrixRegistrationSequence[0].MatrixSequence
        yield Part(str(item.get("FrameOfReferenceUID", "")), _product(items, name))


def _deformable(dataset: Dataset, name: str) -> Iterator[Part]:
    """Give how the registered space gets to each one: the other way (PS3.3 C.20.3.1.1)."""
    for item in dataset.DeformableRegistrationSequence:
        before, after = (_product(item.get(f"{w}DeformationMatrixRegistrationSequence"), name) for w in ("Pre", "Post"))
        grids, uid = item.get("DeformableRegistrationGridSequence"), str(item.SourceFrameOfReferenceUID)
        if grids:
            yield Part(uid, None, _vectors(grids[0], before, after, name))
        else:
            yield Part(uid, inverted(after @ before))


def _vectors(item: Dataset, before: Points, after: Points, name: str) -> Deformation:
    columns, rows, slices = (int(n) for n in item.GridDimensions)
    dx, dy, dz = (float(n) for n in item.GridResolution)
    cosines = [float(n) for n in item.ImageOrientationPatient]
    vectors = np.frombuffer(item.VectorGridData, "<f4")
    if vectors.size != 3 * columns * rows * slices:
        raise GeometryError(
            "GEO-GRID",
            f"{name}: Vector Grid Data (0064,0009) has {vectors.size} numbers; wanted three for each of "
            f"{columns} x {rows} x {slices} points",
        )
    position, row, column = triple(item.ImagePositionPatient), triple(cosines[:3]), triple(cosines[3:])
    grid = Geometry(position, row, column, (dy, dx), dz, (slices, rows, columns))
    return VectorGrid(before, after, grid, vectors.reshape(slices, rows, columns, 3))


def _product(items: Any, name: str) -> Points:
    """Return what several matrices make; none is identity.

    *2026-12-01.* Items stand in the order of multiplication (C.20.2.1.1), which writers take in both senses. What
    comes out the same either way is taken; the rest is refused, for it would be guessed.
    """
    matrices = [matrix_of([float(n) for n in i.FrameOfReferenceTransformationMatrix], name) for i in items or ()]
    if not matrices:
        return np.eye(4)
    forward, backward = (_multiplied(m) for m in (matrices, matrices[::-1]))
    if len(matrices) > 1 and not np.allclose(forward, backward, rtol=0, atol=_SAME):
        raise GeometryError(
            "GEO-MATRIX",
            f"{name}: {len(matrices)} matrices of one registration, whose order matters; wanted one, their product",
        )
    return forward


def _multiplied(matrices: list[Points]) -> Points:
    return functools.reduce(np.matmul, matrices)
