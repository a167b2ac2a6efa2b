"""What is shown, and the panels of a drawn page."""

from __future__ import annotations

import numpy as np

import derive
from derive.model.volume import Volume
from tests.helpers.volumes import make_geometry

EDGES = {"axial": ("R", "L", "A", "P"), "coronal": ("R", "L", "H", "F"), "sagittal": ("A", "P", "H", "F")}


def constant(value, geometry=None, units="HU"):
    geometry = geometry or make_geometry()
    return Volume.from_array(np.full(geometry.shape, value), geometry, derive.Quantity(units))


def numbered(geometry):
    """A volume whose values are the index of the slice."""
    return Volume.from_array(np.broadcast_to(np.arange(geometry.shape[0])[:, None, None], geometry.shape), geometry)
