"""Volumes as SimpleITK images and back: LPS mm in both, axes reversed (x y z against slice row column)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from derive.errors import GeometryError
from derive.geometry import Geometry, triple
from derive.volume import Array

if TYPE_CHECKING:
    import SimpleITK as sitk  # noqa: N813 - its customary name; heavy, so it is imported where it is used


def image_of(values: Array, geometry: Geometry) -> sitk.Image:
    """Return values (slice, row, column) as an image at their place."""
    import SimpleITK as sitk  # noqa: N813, PLC0415

    image = sitk.GetImageFromArray(values)
    image.SetOrigin(geometry.position(0))
    image.SetSpacing(geometry.spacing[::-1])
    image.SetDirection(geometry.directions[:, ::-1].ravel().tolist())
    return image


def geometry_of(image: sitk.Image, like: Geometry) -> Geometry:
    """Return the geometry of an image, in the frame of reference of `like`.

    An image whose axes are left-handed is described by :func:`right_handed` first.

    Raises
    ------
    GeometryError
        ``GEO-IMAGE`` if it is not three-dimensional.
    """
    if image.GetDimension() != 3:
        raise GeometryError("GEO-IMAGE", f"an image of {image.GetDimension()} dimensions; wanted 3")
    direction = np.array(image.GetDirection()).reshape(3, 3)
    columns, rows, slices = image.GetSize()
    x, y, z = image.GetSpacing()
    found = Geometry(
        first_position=triple(image.GetOrigin()),
        row_cosines=triple(direction[:, 0]),
        column_cosines=triple(direction[:, 1]),
        pixel_spacing=(y, x),
        slice_spacing=z,
        shape=(slices, rows, columns),
        frame_of_reference_uid=like.frame_of_reference_uid,
    )
    return like if found.same_grid(like) else found


def right_handed(image: sitk.Image) -> sitk.Image:
    """Return the same voxels with the slices in ascending order along the normal; nothing is mirrored."""
    direction = np.array(image.GetDirection()).reshape(3, 3)
    if image.GetDimension() == 3 and np.linalg.det(direction) < 0:
        return image[:, :, ::-1]
    return image
