"""Builders of the attributes that are recomputed, one file an information entity.

A builder takes the series in the making (and a frame of it, where its value differs from instance to
instance) and returns a value for pydicom, an encoded :class:`~derive.elements.element.Element`, or None for an
attribute that is not to be there. It never sees the data set.
It may import what authoring may. To compute another attribute, register a builder in the file of its entity and set
its row of ``policy.tsv`` to *recompute*.
"""

from derive.authoring.entities import (  # noqa: F401 - registers
    cine,
    converted,
    detectors,
    dimensions,
    enhanced_image,
    equipment,
    evidence,
    functional_groups,
    image,
    image_pixel,
    image_plane,
    multi_frame,
    own_plane,
    parametric_map,
    patient_orientation,
    pet_start,
    pet_times,
    qualification,
    real_world,
    references,
    related_series,
    segments,
    series,
    us_regions,
    vectors,
)
from derive.authoring.entities.registry import BUILDERS, Builder, builder_of

__all__ = ["BUILDERS", "Builder", "builder_of"]
