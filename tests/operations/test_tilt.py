"""Who does not say that it takes a tilted stack is given none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from derive.errors import GeometryError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.geometry import Geometry
from derive.model.volume import Volume
from derive.operations import REGISTRY
from derive.operations.declaration import Operation, OperationKind
from tests.helpers.volumes import make_geometry, make_volume

TILTED = replace(make_geometry(), slice_shift=(0.0, 0.75))


def back(volume: Volume, *, reference: Geometry | None = None) -> Volume:
    return volume


def refused(operation: Operation, volume: Volume) -> GeometryError:
    with pytest.raises(GeometryError) as error:
        operation(volume)
    assert error.value.code == "GEO-TILT"
    return error.value


def kind(**details: bool) -> OperationKind:
    return OperationKind(back, "Smoothing", GeometryEffect.KEEPS_GRID, ValuesEffect.KEEPS_QUANTITY, **details)


NONE_TAKEN = [k for k in REGISTRY.values() if not k.takes_tilt and k.in_planes is None]


@pytest.mark.parametrize("declared", NONE_TAKEN, ids=lambda k: k.name)
def test_no_operation_that_does_not_say_so_is_given_a_tilted_stack(declared):
    assert declared.name in refused(Operation(declared, {}), make_volume(TILTED)).message


def test_a_tilted_grid_of_another_series_is_refused_too():
    refused(kind()(reference=TILTED), make_volume(make_geometry()))
    refused(kind()(reference=make_volume(TILTED)), make_volume(make_geometry()))


def test_who_says_so_is_given_it():
    volume = make_volume(TILTED)
    assert kind(takes_tilt=True)()(volume) is volume
    assert kind(takes_tilt=True)(reference=TILTED)(volume) is volume


def test_the_values_of_a_tilted_stack_are_there():
    assert make_volume(TILTED).array.shape == TILTED.shape
    np.testing.assert_allclose(TILTED.position(4), np.add(make_geometry().position(4), (0, 3, 0)))
