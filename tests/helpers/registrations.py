"""Registrations as files: objects of DICOM, transforms of ITK, and matrices as text."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk  # noqa: N813 - as its own documentation calls it
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from tests.helpers.sources import ROOT
from tests.helpers.volumes import rotation

SPATIAL, DEFORMABLE = "1.2.840.10008.5.1.4.1.1.66.1", "1.2.840.10008.5.1.4.1.1.66.3"
MOVING, FIXED = f"{ROOT}.3", f"{ROOT}.33"


def rigid(seed=1, shift=(3.0, -5.0, 7.0)):
    """(4, 4): a turn about all axes, and a shift."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(seed)
    matrix[:3, 3] = shift
    return matrix


def small_turn(degrees=8.0, shift=(1.5, -2.5, 1.0)):
    """(4, 4): a turn about z, and a shift: what was on a grid stays near it."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0, shift[0]], [s, c, 0, shift[1]], [0, 0, 1, shift[2]], [0, 0, 0, 1]])


def _item(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _matrix(matrix):
    numbers = [f"{n:.10g}"[:16] for n in np.asarray(matrix).ravel()]
    return _item(FrameOfReferenceTransformationMatrixType="AFFINE", FrameOfReferenceTransformationMatrix=numbers)


def _object(sop_class, fixed, patient):
    dataset = _item(
        SOPClassUID=sop_class,
        SOPInstanceUID=f"{ROOT}.66.1",
        SeriesInstanceUID=f"{ROOT}.66.2",
        StudyInstanceUID=f"{ROOT}.1",
        FrameOfReferenceUID=fixed,
        PatientID=patient,
        Modality="REG",
    )
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    return dataset


def spatial(folder, matrices, fixed=FIXED, patient="P1", name="reg.dcm"):
    """Write a Spatial Registration: (frame of reference, matrix or several of them) a space."""
    dataset = _object(SPATIAL, fixed, patient)
    dataset.RegistrationSequence = Sequence(
        _item(
            FrameOfReferenceUID=uid,
            MatrixRegistrationSequence=[
                _item(MatrixSequence=[_matrix(m) for m in (matrix if isinstance(matrix, list) else [matrix])])
            ],
        )
        for uid, matrix in matrices
    )
    dataset.save_as(folder / name, enforce_file_format=True)
    return folder / name


def deformable(folder, grid, vectors, before=None, after=None, fixed=FIXED, numbers=None):
    """Write a Deformable Spatial Registration: vectors (slices, rows, columns, 3) mm at the points of a grid."""
    dataset = _object(DEFORMABLE, fixed, "P1")
    slices, rows, columns = grid.shape
    field = _item(
        ImagePositionPatient=list(grid.first_position),
        ImageOrientationPatient=[*grid.row_cosines, *grid.column_cosines],
        GridDimensions=[columns, rows, slices],
        GridResolution=list(grid.spacing[::-1]),
        VectorGridData=np.asarray(vectors, "<f4").tobytes()[:numbers],
    )
    item = _item(SourceFrameOfReferenceUID=MOVING, DeformableRegistrationGridSequence=[field])
    if before is not None:
        item.PreDeformationMatrixRegistrationSequence = [_matrix(before)]
    if after is not None:
        item.PostDeformationMatrixRegistrationSequence = [_matrix(after)]
    dataset.DeformableRegistrationSequence = [item]
    dataset.save_as(folder / "deformable.dcm", enforce_file_format=True)
    return folder / "deformable.dcm"


def text(folder, matrix, name="matrix.txt"):
    """Write a matrix as text."""
    np.savetxt(folder / name, matrix, fmt="%.12g")
    return folder / name


def itk_affine(folder, matrix, name="affine.tfm"):
    """Write a matrix as a transform of ITK, which maps as it does."""
    transform = sitk.AffineTransform(3)
    transform.SetCenter((4.0, -3.0, 2.0))
    turn, center = matrix[:3, :3], np.array((4.0, -3.0, 2.0))
    transform.SetMatrix(turn.ravel().tolist())
    transform.SetTranslation((matrix[:3, 3] + turn @ center - center).tolist())
    sitk.WriteTransform(transform, str(folder / name))
    return folder / name


def itk_bspline(folder, center, size=60.0, name="bspline.h5", seed=3):
    """Write a B-spline of ITK around a point; return its path, and the transform."""
    grid = sitk.Image(8, 8, 8, sitk.sitkFloat32)
    grid.SetSpacing([size / 7] * 3)
    grid.SetOrigin([float(c) - size / 2 for c in center])
    transform = sitk.BSplineTransformInitializer(grid, [4, 4, 4], 3)
    transform.SetParameters(np.random.default_rng(seed).uniform(-2, 2, len(transform.GetParameters())).tolist())
    sitk.WriteTransform(transform, str(folder / name))
    return folder / name, transform
