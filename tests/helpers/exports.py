"""What is exported, and what the libraries of each format read of it."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import SimpleITK as sitk  # noqa: N813 - its own customary name

SUFFIXES = [".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".npy"]
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def by_nibabel(path):
    """Values (slice, row, column) and affine of (slice, row, column) to LPS."""
    image = nibabel.load(path)
    return np.asanyarray(image.dataobj).transpose(), (LPS_TO_RAS @ image.affine)[:, [2, 1, 0, 3]]


def by_itk(path):
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    corner = [image.TransformContinuousIndexToPhysicalPoint(i) for i in ((0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0))]
    affine[:3, 3] = corner[0]
    affine[:3, :3] = (np.array(corner[1:]) - corner[0]).T
    return sitk.GetArrayFromImage(image), affine


def by_numpy(path):
    described = json.loads(path.with_suffix(".json").read_text())
    return np.load(path), np.array(described["affine_index_to_lps"])


def readers(path):
    if path.suffix == ".npy":
        return [by_numpy]
    return [by_nibabel, by_itk] if ".nii" in path.name else [by_itk]
