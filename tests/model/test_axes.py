"""The order of axes in which planes are shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from derive.errors import GeometryError, UsageError
from derive.model.axes import NATIVE, axis_order_of
from tests.helpers.volumes import make_geometry


def test_planes_across_the_slices_of_a_tilted_stack_are_refused():
    tilted = replace(make_geometry(), slice_shift=(0.0, 0.5))
    assert axis_order_of(tilted, "native") is NATIVE
    for plane in ("axial", "coronal", "sagittal"):
        with pytest.raises(GeometryError) as error:
            axis_order_of(tilted, plane)
        assert error.value.code == "GEO-TILT"


def test_a_plane_without_a_name_is_refused():
    with pytest.raises(UsageError) as error:
        axis_order_of(make_geometry(), "oblique")
    assert error.value.code == "OP-PLANE"
