"""Image plane: where the pixels of this instance are (PS3.3 C.7.6.2)."""

from __future__ import annotations

import numpy as np

from derive.authoring.entities.registry import per_frame, per_plane, per_series
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.model.derivation import GeometryEffect
from derive.model.geometry import letters_of
from derive.model.planes import spacing_of
from derive.pixels.encode import Rescale, decimal

#: How far, relative to what the pixels span, a field of view may be off to be called theirs.
DIAMETER_TOLERANCE = 0.01


@per_series("PixelSpacing")
def pixel_spacing(authoring: Authoring) -> list[float] | None:
    """Return the distances between rows and between columns, mm."""
    grid = authoring.geometry or (authoring.views and authoring.views.plane(0))
    return [decimal(v) for v in grid.pixel_spacing] if grid else None


@per_plane("ImageOrientationPatient")
def image_orientation_patient(authoring: Authoring, frame: Frame | None) -> list[float] | None:
    """Return the cosines of the rows and of the columns; none of images that lie on no plane of the patient."""
    plane = authoring.frames.plane(frame.index if frame else 0)
    return [decimal(v) for v in (*plane.row_cosines, *plane.column_cosines)] if plane else None


@per_frame("PatientOrientation")
def patient_orientation(authoring: Authoring, frame: Frame) -> list[str] | Element | None:
    """Return towards what rows and columns run, for classes that ask for no plane (C.7.6.1.1.1).

    Of images that lie in no patient that of the source, view by view; nobody knows it where it says none.
    """
    geometry = authoring.geometry
    lies = authoring.target.in_patient or (geometry is not None and geometry.in_patient)
    if not lies:
        tag = tag_of("PatientOrientation")
        return authoring.source.agreement(tag, frame.contributors).element or Element(tag, "CS", b"")
    if authoring.target.in_patient and authoring.target.rescale is not Rescale.NONE:
        return None
    if geometry is None:
        return Element(tag_of("PatientOrientation"), "CS", b"")
    return [letters_of(v) for v in (geometry.row_cosines, geometry.column_cosines)]


@per_frame("ImagePositionPatient")
def image_position_patient(authoring: Authoring, frame: Frame) -> list[float] | None:
    """Return the centre of the first pixel, mm."""
    plane = authoring.frames.plane(frame.index)
    return None if plane is None else [decimal(v) for v in plane.position]


@per_series("SliceThickness", sticky=True)
def slice_thickness(authoring: Authoring) -> float | Element | None:
    """Return the nominal thickness that the operation made; the source's where it left the slices alone."""
    if not authoring.placed or (authoring.geometry and not authoring.geometry.in_patient):
        return None
    plane = authoring.frames.plane(0)
    thickness = plane.thickness if plane else None
    if thickness is not None:
        return decimal(thickness)
    return authoring.source.agreement(tag_of("SliceThickness")).element


@per_series("SpacingBetweenSlices")
def spacing_between_slices(authoring: Authoring) -> float | None:
    """Return the distance between the centres of neighbouring slices; nothing for a single one, or where it differs."""
    geometry = authoring.geometry
    spacing = spacing_of(geometry) if geometry and geometry.shape[0] > 1 else None
    return None if spacing is None else decimal(round(spacing, 9))


@per_series("ReconstructionDiameter", sticky=True)
def reconstruction_diameter(authoring: Authoring) -> Element | None:
    """Return the source's where it is that of the grid: a source that was cropped or resampled keeps an old one."""
    element = authoring.source.agreement(tag_of("ReconstructionDiameter")).element
    diameter = authoring.source.value("ReconstructionDiameter")
    geometry = authoring.geometry
    if element is None or diameter is None or geometry is None:
        return None
    spans = [n * s for n, s in zip(geometry.shape[1:], geometry.pixel_spacing, strict=True)]
    return element if abs(float(diameter) - max(spans)) <= DIAMETER_TOLERANCE * max(spans) else None


@per_frame("SliceLocation")
def slice_location(authoring: Authoring, frame: Frame) -> float | Element | None:
    """Return the source's own while the grid is kept, else the position along the normal."""
    geometry = authoring.geometry
    if geometry is None or not geometry.in_patient:
        return None
    if authoring.derivation.geometry_effect is GeometryEffect.KEEPS_GRID and authoring.source.frames:
        return authoring.source.table.element(tag_of("SliceLocation"), frame.place)
    return decimal(round(float(np.dot(geometry.position(frame.place), geometry.normal)), 6))
