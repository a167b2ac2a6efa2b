"""Volumes as SimpleITK images and back: LPS mm in both, axes reversed (x y z against slice row column)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import GeometryError, ValuesError
from derive.model.geometry import Geometry, triple
from derive.model.volume import Array

#: A SimpleITK.Image, whose package states no types.
Image = Any


def image_of(values: Array, geometry: Geometry) -> Image:
    """Return values (slice, row, column) as an image at their place, evenly spaced."""
    import SimpleITK

    image = SimpleITK.GetImageFromArray(values)
    image.SetOrigin(geometry.first_position)
    image.SetSpacing(geometry.spacing[::-1])
    image.SetDirection(geometry.directions[:, ::-1].ravel().tolist())
    return image


def from_image(image: Image, frame_of_reference_uid: str) -> tuple[NDArray[Any], Geometry]:
    """Return the values (slice, row, column) of an image, and where they are.

    An image whose axes are left-handed gets its slices the other way round, so that they ascend along
    the normal: every voxel stays where it is, and nothing is mirrored.

    Raises
    ------
    ValuesError
        ``OP-SHAPE`` unless it has three dimensions and one value a voxel.
    GeometryError
        ``GEO-COSINES`` unless its axes are at right angles.
    """
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise ValuesError(
            "OP-SHAPE",
            f"an image of {image.GetDimension()} dimensions and {image.GetNumberOfComponentsPerPixel()} "
            "values a voxel; wanted 3 and 1",
        )
    import SimpleITK

    values = SimpleITK.GetArrayFromImage(image)
    direction, first = np.array(image.GetDirection()).reshape(3, 3), image.GetOrigin()
    if np.linalg.det(direction) < 0:
        values, direction = values[::-1], direction * (1, 1, -1)
        first = image.TransformIndexToPhysicalPoint((0, 0, len(values) - 1))
    columns, rows, slices = image.GetSpacing()
    geometry = Geometry(
        first_position=triple(first),
        row_cosines=triple(direction[:, 0]),
        column_cosines=triple(direction[:, 1]),
        pixel_spacing=(rows, columns),
        slice_spacing=slices,
        shape=values.shape,
        frame_of_reference_uid=frame_of_reference_uid,
    )
    lean = float(np.abs(direction[:, 2] - geometry.normal).max())
    if lean > 1e-3:
        raise GeometryError(
            "GEO-COSINES",
            f"the slice axis of an image leans {lean:.2g} from the normal of its planes; wanted below 0.001",
        )
    return values, geometry
