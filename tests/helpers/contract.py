"""What every operation promises, as assertions over one way to call it; :func:`keeps_contract` asks for all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from derive.errors import UsageError
from derive.model.derivation import GeometryEffect, ValuesEffect
from derive.model.reference import FrameRef, of_principal
from derive.model.volume import Volume
from derive.operations import Operation, OperationKind
from derive.operations.declaration import Registration
from derive.operations.kit.codes_by import of_kind
from tests.helpers.volumes import around, in_parts, make_volume, rotation

TURNED, TILTED = rotation(3), rotation(4)
CENTER = np.array([3.0, -7.5, 101.25])
#: The grid of another series: oblique to all volumes here, partly outside them.
REFERENCE = around(
    np.add(CENTER, (1.5, -1.0, 2.0)), row=TURNED[0], column=TURNED[1], shape=(7, 9, 8), spacing=(1.1, 0.9, 0.9)
)
GEOMETRIES = {
    "axial": around(CENTER, shape=(9, 8, 7)),
    "sagittal": around(CENTER, row=(0, 1, 0), column=(0, 0, -1), shape=(6, 9, 8)),
    "oblique": around(CENTER, row=TILTED[0], column=TILTED[1], shape=(8, 7, 9)),
}
VOLUMES = {
    "CT": make_volume(GEOMETRIES["axial"], modality="CT"),
    "CT padded": make_volume(GEOMETRIES["axial"], modality="CT", padded=True),
    "MR": make_volume(GEOMETRIES["sagittal"], modality="MR"),
    "PET": make_volume(GEOMETRIES["oblique"], modality="PET"),
    "PET padded": make_volume(GEOMETRIES["oblique"], modality="PET", padded=True),
}


@dataclass(frozen=True)
class Call:
    """One way to call an operation."""

    kind: OperationKind[...]
    parameters: dict[str, Any]

    def __call__(self, **changes: Any) -> Operation:
        """The operation anew, what it remembers forgotten."""
        return self.kind(**{**self.parameters, **changes})

    @property
    def declared(self) -> bool:
        """Whether its effects are known before it runs: a function of a user's own may do anything."""
        return self.kind.geometry_effect is not None

    def filling(self, value: Any) -> dict[str, Any]:
        """The parameter for what lies outside the source, where there can be an outside."""
        return {"fill": value} if "fill" in self.kind.signature.parameters else {}

    @property
    def pads(self) -> bool:
        """Whether it was told to make padding of values."""
        return "padding" in self.parameters.values()


def computed_too_early(first, last):
    raise AssertionError("computed too early")


def changed_slice(volume, index):
    """The same volume with other values in one slice, its padding where it was."""
    values = np.array(volume.array)
    values[index] = values[index] * -0.5 + 5000
    return replace(volume, pull=lambda first, last: values[first:last])


def has_the_declared_effect(call, volume):
    """The result is float32 of the declared effect, and the input is unchanged."""
    before = np.array(volume.array)
    operation = call()
    result = operation(volume)
    step = operation.step(volume, result)
    assert step.own_function or step.code.keyword in of_kind(call.kind)
    assert result.array.dtype == np.float32
    assert result.array.shape == result.geometry.shape
    assert not np.isinf(result.array).any()
    np.testing.assert_array_equal(volume.array, before)
    assert result.geometry.frame_of_reference_uid == volume.geometry.frame_of_reference_uid
    kept = {"padded": result.quantity.padded, "made_by": result.quantity.made_by}
    assert result.quantity == replace(volume.quantity, **kept)
    assert bool(result.quantity.made_by) == step.own_function
    assert result.quantity.padded or not np.isnan(result.array).any()
    if step.geometry_effect is GeometryEffect.KEEPS_GRID:
        assert result.geometry == volume.geometry
        there, here = np.isnan(before), np.isnan(result.array)
        np.testing.assert_array_equal(here & there if call.pads else here, there)
    if step.values_effect is ValuesEffect.KEEPS_VALUES:
        assert np.isin(result.array, before).sum() == np.count_nonzero(~np.isnan(result.array))


def computes_nothing_early(call, volume):
    """Nothing is computed before a slab is asked for."""
    result = call()(replace(volume, pull=computed_too_early))
    assert len([result.contributors(k) for k in range(result.shape[0])]) == result.shape[0]


def is_deterministic(call, volume):
    """The same values twice."""
    one, two = (call()(replace(volume)).array for _ in range(2))
    np.testing.assert_array_equal(one, two)


def stays_in_range(call, volume):
    """Values stay in the range that is stated."""
    result = call()(volume)
    if result.value_range is not None:
        assert np.nanmin(result.array) >= result.value_range[0]
        assert np.nanmax(result.array) <= result.value_range[1]


def is_the_same_in_parts(call, volume, seed):
    """Slab by slab equals the whole."""
    whole = call()(volume).array
    np.testing.assert_array_equal(in_parts(call()(replace(volume)), seed), whole)


def is_the_same_in_small_parts(call, padded):
    """Slab by slab equals the whole where a slab is a small part of it."""
    volume = make_volume(around(CENTER, shape=(120, 6, 5), spacing=(1.5, 0.8, 0.7)), padded=padded)
    if padded:
        values = np.array(volume.array)
        values[50:53] = np.nan
        values[70:, 2] = np.nan
        volume = volume.with_array(values)
    whole = call()(volume).array
    parts = in_parts(call()(replace(volume)), 7, largest=9)
    np.testing.assert_allclose(parts, whole, rtol=0, atol=2.5e-4)  # an ulp of the largest value, 3000


def keeps_a_constant(call, geometry):
    """A constant stays constant."""
    constant = Volume.from_array(np.full(geometry.shape, 137.0), geometry)
    np.testing.assert_allclose(call(**call.filling(137.0))(constant).array, 137.0, rtol=2e-7)


def keeps_padding_out(call, geometry):
    """A constant with padding stays the constant wherever there is a value at all."""
    values = np.full(geometry.shape, 137.0, np.float32)
    values[0] = np.nan
    values[:, :2] = np.nan
    values[3, 4, 5] = np.nan
    result = call(**call.filling(137.0))(Volume.from_array(values, geometry)).array
    native = result[~np.isnan(result)]
    assert native.size
    np.testing.assert_allclose(native, 137.0, rtol=2e-7)


def keeps_all_padding(call, geometry):
    """Where there is nothing but padding, there is nothing but padding."""
    empty = Volume.from_array(np.full(geometry.shape, np.nan), geometry)
    assert np.isnan(call(**call.filling("padding"))(empty).array).all()


def lists_its_contributors(call, geometry, padded):
    """Change one source slice: slices that do not list it stay, and one that lists it changes."""
    volume = make_volume(geometry, padded=padded)
    before = call()(volume)
    listed = [set(before.contributors(k)) for k in range(before.shape[0])]
    assert set().union(*listed) <= set(of_principal(range(geometry.shape[0])))
    for touched in range(geometry.shape[0]):
        after = call()(changed_slice(volume, touched)).array
        moved = [not np.array_equal(a, b, equal_nan=True) for a, b in zip(after, before.array, strict=True)]
        assert not any(m for m, names in zip(moved, listed, strict=True) if FrameRef(0, touched) not in names)
        assert any(moved) == any(FrameRef(0, touched) in names for names in listed)


def is_a_value(call):
    """It can be compared and printed."""
    one, two = call(), call()
    assert one == two
    assert str(one) == str(two)
    assert str(one).startswith(f"{call.kind.name}(")


def says_what_it_did_in_a_few_words(call):
    """For Series Description (LO, PS3.5 6.2): few characters, none of them a backslash or a control character."""
    operation = call()
    words = operation.kind.short_of(operation.parameters)
    assert 0 < len(words) <= 56
    assert words.isprintable()
    assert "\\" not in words
    assert words == words.strip()
    volume = replace(VOLUMES[next(iter(VOLUMES))])
    assert operation.step(volume, volume).label == words


def is_declared_in_full(kind):
    """It can be tried, its help has an example, and a parameter that it does not have is refused."""
    assert kind.triable != bool(kind.others or kind.taking(Registration))
    assert not kind.triable or kind.tried_on(GEOMETRIES["axial"]).kind is kind
    assert kind.example.keys() <= kind.signature.parameters.keys()
    assert kind(**kind.example, **dict.fromkeys(kind.others, ())).kind is kind
    assert kind.__doc__
    assert "Parameters\n" in kind.__doc__
    with pytest.raises(UsageError) as refused:
        kind(nonsense=1)
    assert refused.value.code == "OP-PARAMETER"


OF_A_VOLUME = (has_the_declared_effect, is_deterministic, stays_in_range)
OF_A_GEOMETRY = (keeps_a_constant, keeps_padding_out, keeps_all_padding)


def keeps_contract(kind, *calls):
    """Ask an operation for all that is promised, on every volume and geometry here."""
    is_declared_in_full(kind)
    assert calls
    for call in (Call(kind, parameters) for parameters in calls):
        is_a_value(call)
        says_what_it_did_in_a_few_words(call)
        for volume in map(replace, VOLUMES.values()):
            for promise in (*OF_A_VOLUME, *([computes_nothing_early] if call.declared else [])):
                promise(call, volume)
            is_the_same_in_parts(call, volume, 0)
        for geometry in GEOMETRIES.values():
            for promise in OF_A_GEOMETRY if call.declared else ():
                promise(call, geometry)
            for padded in (False, True):
                lists_its_contributors(call, geometry, padded)
        is_the_same_in_small_parts(call, padded=True)
