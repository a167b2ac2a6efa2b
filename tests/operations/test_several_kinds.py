"""Several sources of uncommon kinds: slices that lie unevenly, slopes per image, and what is done and undone."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive.errors import GeometryError
from derive.operations import REGISTRY, add, mean, subtract
from tests.helpers.asserting import raises_code
from tests.helpers.beside import another_series
from tests.helpers.sources import ROOT, make_series


def placed(z, make=make_series):
    return derive.read(make(count=len(z), ImagePositionPatient=lambda k: [-10.5, 20.25, z[k]]))


def brighter(index, stored):
    return stored[::-1] + 7 * index


def written(series, folder):
    series.write(folder)
    assert derive.check(folder).ok()
    return [pydicom.dcmread(p) for p in sorted(folder.glob("*.dcm"))]


def test_uneven_stacks_that_end_alike_and_differ_between_are_not_subtracted():
    first = placed([0, 2, 4, 10, 12, 20])
    same = placed([0, 2, 4, 10, 12, 20], lambda **changes: another_series(stored=brighter, **changes))
    other = placed([0, 2, 8, 10, 12, 20], lambda **changes: another_series(stored=brighter, **changes))
    assert derive.build(first, subtract(same)).volume.shape == first.geometry.shape
    with raises_code("GEO-GRID", GeometryError):
        derive.build(first, subtract(other))


def test_an_offset_within_a_hundredth_of_a_millimetre_is_none(tmp_path):
    first = derive.read(make_series())
    near = another_series(stored=brighter, ImagePositionPatient=lambda k: [-10.495, 20.25, -30 + 2 * k])
    for image in written(derive.build(first, subtract(derive.read(near))), tmp_path / "out"):
        assert [i.SpatialLocationsPreserved for i in image.SourceImageSequence] == ["YES", "YES"]


def test_pet_of_a_slope_per_image_is_subtracted_in_its_units(tmp_path):
    first = derive.read(make_series("PT", RescaleSlope=lambda k: 0.5 + k))
    second = derive.read(another_series(modality="PT", stored=brighter, RescaleSlope=lambda k: 2.0 / (1 + k)))
    images = written(derive.build(first, subtract(second)), tmp_path / "out")
    assert {image.Units for image in images} == {first.volume.quantity.units}
    wanted = np.asarray(first, np.float64) - np.asarray(second)
    step = max(float(image.RescaleSlope) for image in images)
    np.testing.assert_allclose(derive.read(tmp_path / "out"), wanted, atol=0.51 * step)
    assert wanted.min() < 0


@pytest.mark.parametrize("name", ["subtract", "mean", "maximum"])
def test_explain_names_every_series_that_entered(name, tmp_path):
    first = derive.read(make_series())
    others = [derive.read(another_series(n, stored=brighter)) for n in (2, 3)]
    written(derive.build(first, REGISTRY[name](others)), tmp_path / "out")
    told = str(derive.explain(tmp_path / "out").in_full())
    for uid in (f"{ROOT}.2", f"{ROOT}.22", f"{ROOT}.32"):
        assert uid in told


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.25, 0.5, 1.0, 2.0]), st.integers(-2048, 512))
@settings(max_examples=25, deadline=None)
def test_what_is_subtracted_and_added_again_is_what_it_was(seed, slope, intercept):
    def random(_, stored):
        return np.random.default_rng(seed).integers(0, 4000, stored.shape)

    first = derive.read(another_series(3, stored=random))
    second = derive.read(another_series(stored=random, RescaleSlope=slope, RescaleIntercept=intercept))
    there = derive.build(first, subtract(second)).volume
    back = derive.build(first, mean(first), subtract(second))
    np.testing.assert_array_equal(there.array + np.asarray(second), np.asarray(first))
    np.testing.assert_array_equal(back.volume.array, there.array)
    total = derive.build(second, add(first)).volume.array
    np.testing.assert_array_equal(total - np.asarray(second), np.asarray(first))


def test_a_result_that_leaves_sixteen_bits_is_stored_with_a_slope(tmp_path):
    first = derive.read(make_series(RescaleSlope=20))
    second = derive.read(another_series(stored=brighter, RescaleSlope=20))
    images = written(derive.build(first, REGISTRY["multiply"](second, units="1")), tmp_path / "out")
    report = derive.build(first, REGISTRY["multiply"](second, units="1")).write(tmp_path / "again")
    assert report.saturated == 0
    wanted = np.asarray(first, np.float64) * np.asarray(second)
    step = max(float(image.RescaleSlope) for image in images)
    assert step > 1
    np.testing.assert_allclose(derive.read(tmp_path / "out"), wanted, atol=0.51 * step + 1e-6 * wanted.max())
