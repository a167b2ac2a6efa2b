"""Images of SimpleITK, as a program has them; files that ITK could read are read without it (see `stored`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import ValuesError
from derive.formats.components import components_of
from derive.formats.place import Place, point, stated
from derive.formats.samples import Samples
from derive.formats.space import placed

#: A SimpleITK.Image, whose package states no types.
Image = Any
#: Spaces of NRRD that say where the patient is, with the signs that still turn what ITK gives into LPS:
#: ITK turns RAS and LAS by itself in three dimensions, but not with time.
PATIENT_SPACES = {
    "left-posterior-superior": (1.0, 1.0, 1.0),
    "right-anterior-superior": (1.0, 1.0, 1.0),
    "left-anterior-superior": (1.0, 1.0, 1.0),
    "left-posterior-superior-time": (1.0, 1.0, 1.0),
    "right-anterior-superior-time": (-1.0, -1.0, 1.0),
    "left-anterior-superior-time": (1.0, -1.0, 1.0),
}
NAME = "SimpleITK.Image"


class _Kept:
    """Memory of an image, and the image, so that the memory stays while an array shows it."""

    def __init__(self, image: Image, view: NDArray[Any]) -> None:
        self.image = image
        self.__array_interface__ = view.__array_interface__


def of_image(image: Image) -> Samples:
    """Return a SimpleITK.Image without a copy: a later change to the image does not reach the result.

    An image that was read from an NRRD file which says no patient space has no place, unless it was
    placed since. Of any other image ITK does not tell what its file said and what ITK put there.

    Raises
    ------
    derive.errors.GeometryError
        ``GEO-DETERMINANT``, ``GEO-LIMITS`` or ``GEO-TIME``.
    derive.errors.ValuesError
        ``VAL-5D``, ``VAL-COMPLEX``, ``VAL-COLOUR``, ``VAL-TYPE`` or ``VAL-EMPTY``.
    """
    keys = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    view = _shown(image)
    several = view.ndim > image.GetDimension()
    array, notes = components_of(view.T, 0 if several else None, keys.get("NRRD_kinds[pixel]", ""), NAME)
    place, where = _place(image, keys)
    return Samples(NAME, "SimpleITK", array, place=place.checked(NAME), notes=(*where, *notes))


def _place(image: Image, keys: dict[str, str]) -> tuple[Place, tuple[str, ...]]:
    axes = image.GetDimension()
    spacing, direction = image.GetSpacing(), np.reshape(image.GetDirection(), (axes, axes))
    at_default = not any(image.GetOrigin()) and np.array_equal(direction, np.eye(axes))
    signs: tuple[float, float, float] = (1.0, 1.0, 1.0)
    if "NRRD_space" in keys or (keys.get("ITK_InputFilterName") == "NrrdImageIO" and at_default):
        space = keys.get("NRRD_space", "")
        if space not in PATIENT_SPACES:
            said = f"its space is {space}, which is" if space else "its NRRD header states no space, so it says"
            return Place(stated(spacing)), (f"{said} no place in a patient; its place was not used",)
        signs = PATIENT_SPACES[space]
    if axes < 3:
        return Place(stated(spacing)), ()
    turned = direction * np.array([*signs, 1.0])[:axes, None]
    return placed(
        stated(spacing), turned, point([s * o for s, o in zip(signs, image.GetOrigin()[:3], strict=True)]), NAME
    )


def _shown(image: Image) -> NDArray[Any]:
    """Return the memory of an image as an array, read-only, slowest axis first."""
    kind = image.GetPixelIDTypeAsString()
    # To show complex numbers is of no use; to show labels ends the process.
    if "complex" in kind:
        raise ValuesError("VAL-COMPLEX", f"{NAME} holds complex numbers; wanted real ones; state magnitude or phase")
    if "label" in kind:
        raise ValuesError("VAL-TYPE", f"{NAME} is a label map; wanted an image; use SimpleITK.LabelMapToLabel")
    import SimpleITK

    view = SimpleITK.GetArrayViewFromImage(image)
    # The second image shares the memory: who changes the first one gets a memory of its own.
    return np.asarray(_Kept(SimpleITK.Image(image), view))
