"""What every operation along a dimension promises, on volumes of numbers and on real series of several volumes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pydicom
import pytest

import derive
from derive.cli.main import main
from derive.errors import UsageError, ValuesError
from derive.model.derivation import ValuesEffect
from derive.model.dimension import Dimension
from derive.model.frames import Volumes
from derive.model.volume import Volume
from derive.operations import REGISTRY, mean_over, minimum_over, sum_over
from tests.helpers.asserting import each, raises_code
from tests.helpers.volumes import in_parts, make_geometry

GEOMETRY = make_geometry(shape=(19, 5, 4))
B, DIRECTION = "DiffusionBValue", "DiffusionGradientOrientation"
B_VALUES = (0, 500, 500, 500, 1500, 1500, 1500)
DIRECTIONS = (None, (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1))
#: What makes a quantity of the volumes keeps the promises of test_maps.py and test_uptake.py.
MAPS = {"adc", "suv", "t1_map", "t2_map", "t2star_map"}
KINDS = {name: kind for name, kind in REGISTRY.items() if kind.along and name not in MAPS}


def total(values):
    return values.sum(axis=0)


def deviation(values):
    return np.nanstd(values, axis=0, ddof=1)


#: What comes out, by numpy.
EXPECTED = {
    "mean_over": lambda values: np.nanmean(values, axis=0),
    "maximum_over": lambda values: np.nanmax(values, axis=0),
    "minimum_over": lambda values: np.nanmin(values, axis=0),
    "sum_over": total,
    "standard_deviation_over": deviation,
}
NAMES = pytest.mark.parametrize("name", EXPECTED)


def numbers(padded=False):
    values = np.random.default_rng(5).normal(100, 30, (7, *GEOMETRY.shape)).astype(np.float32)
    if padded:
        values[2, 3] = np.nan
        values[:, 8, 1] = np.nan
    return values


def volumes(values=None):
    given = numbers() if values is None else values
    dimensions = (Dimension(B, B_VALUES), Dimension(DIRECTION, DIRECTIONS))
    span = float(np.nanmin(given)), float(np.nanmax(given))
    return Volumes(tuple(replace(Volume.from_array(v, GEOMETRY), value_range=span) for v in given), dimensions)


def test_every_operation_along_a_dimension_is_called_here():
    assert EXPECTED.keys() == KINDS.keys() - {"subtract", "overlay"}  # test_masks.py, test_overlay.py


@pytest.mark.filterwarnings("ignore:.*(empty slice|All-NaN|Degrees of freedom):RuntimeWarning")
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
@NAMES
def test_values_are_those_of_numpy(name, padded):
    values = numbers(padded)
    result = KINDS[name](along=DIRECTION).on(volumes(values))
    assert [d.keyword for d in result.dimensions] == [B]
    assert result.dimensions[0].values == (0, 500, 1500)
    for volume, members in zip(result.volumes, ([0], [1, 2, 3], [4, 5, 6]), strict=True):
        alone = name == "standard_deviation_over" and members == [0]
        wanted = np.where(np.isnan(values[0]), np.nan, 0) if alone else EXPECTED[name](values[members])
        np.testing.assert_allclose(volume.array, wanted, rtol=2e-6, atol=1e-4)
        low, high = volume.value_range
        assert low <= np.nanmin(volume.array)
        assert np.nanmax(volume.array) <= high
        assert volume.quantity.padded or not np.isnan(volume.array).any()


@NAMES
def test_slab_by_slab_equals_the_whole(name):
    operation = KINDS[name](along=DIRECTION)
    whole = operation.on(volumes()).volumes[1].array
    np.testing.assert_array_equal(in_parts(operation.on(volumes()).volumes[1], 3), whole)


@NAMES
def test_nothing_is_computed_before_a_slab_is_asked_for(name):
    def early(first, last):
        raise AssertionError("computed too early")

    given = volumes()
    lazy = replace(given, volumes=tuple(replace(v, pull=early) for v in given.volumes))
    assert len(KINDS[name](along=DIRECTION).on(lazy).volumes) == 3


@NAMES
def test_all_that_contributed_is_said(name):
    given = volumes()
    apart = tuple(replace(v, contributors=lambda k, n=n: ((0, 19 * n + k),)) for n, v in enumerate(given.volumes))
    result = KINDS[name](along=DIRECTION).on(replace(given, volumes=apart))
    assert result.volumes[2].contributors(4) == tuple((0, 19 * n + 4) for n in (4, 5, 6))


@NAMES
def test_the_step_says_what_was_done(name):
    given, operation = volumes(), KINDS[name](along=DIRECTION, from_=1)
    with raises_code("OP-ALONG"):
        operation.on(given)
    operation = KINDS[name](along=B, from_=500)
    result = operation.on(given)
    step = operation.step(given.volumes[0], result.volumes[0])
    assert step.description == f"{name}(along='{B}', from_=500)"
    assert step.units == ("1" if step.values_effect is ValuesEffect.NEW_QUANTITY else "")


def test_a_range_chooses_by_value():
    values = numbers()
    result = mean_over(along=B, from_=500, to=2000).on(volumes(values))
    assert [d.keyword for d in result.dimensions] == [DIRECTION]
    assert len(result.volumes) == 3
    for k, volume in enumerate(each(result.volumes)):
        np.testing.assert_allclose(volume.array, values[[1 + k, 4 + k]].mean(axis=0), rtol=1e-6)


def test_of_a_single_dimension_nobody_has_to_speak():
    values = numbers()
    one = Volumes(volumes(values).volumes, (Dimension("EchoTime", tuple(range(7))),))
    (volume,) = mean_over().on(one).volumes
    np.testing.assert_allclose(volume.array, values.mean(axis=0), rtol=1e-6)


def test_a_sum_of_hu_is_on_no_scale():
    given = volumes()
    quantity = replace(given.volumes[0].quantity, units="HU", fill=-1000.0)
    hu = replace(given, volumes=tuple(replace(v, quantity=quantity) for v in given.volumes))
    assert {v.quantity.units for v in sum_over(along=DIRECTION).on(hu).volumes} == {"US"}


@pytest.mark.parametrize(
    "parameters", [{}, {"along": "EchoTime"}, {"along": DIRECTION, "from_": 0}, {"along": B, "to": -1}]
)
def test_what_cannot_be_gone_along_is_refused_with_what_there_is(parameters):
    with raises_code("OP-ALONG", UsageError) as caught:
        minimum_over(**parameters).on(volumes())
    assert DIRECTION in caught.value.message


def test_one_volume_has_nothing_to_go_along():
    with raises_code("OP-ALONG", UsageError):
        mean_over()(volumes().volumes[0])


@pytest.mark.parametrize("name", [n for n, kind in KINDS.items() if kind.values_effect is ValuesEffect.KEEPS_QUANTITY])
def test_phases_have_no_mean(name):
    given = volumes()
    phases = tuple(replace(v, quantity=replace(v.quantity, cyclic=True)) for v in given.volumes)
    with raises_code("VAL-PHASE", ValuesError):
        KINDS[name](along=DIRECTION).on(replace(given, volumes=phases))


@pytest.mark.parametrize("name", ["mean_over", "standard_deviation_over"])
def test_of_a_real_time_series(name, real, tmp_path):
    source = real("mr_ge_4d_fmri_15x10")
    times = np.stack([v.array for v in derive.read(source).volumes])
    assert times.shape[:2] == (10, 15)
    arguments = [name.replace("_", "-"), str(source), "-o", str(tmp_path / "out"), "--from", "3", "--to", "9"]
    assert main(arguments) == 0
    made = derive.read(tmp_path / "out")
    np.testing.assert_allclose(made.volume.array, EXPECTED[name](times[2:9]), atol=0.51 * made.frames[0].rescale[0])
    image = pydicom.dcmread(made.frames[0].path)
    assert len(image.SourceImageSequence) == 7
    assert {item.SpatialLocationsPreserved for item in image.SourceImageSequence} == {"YES"}
    assert derive.verify(tmp_path / "out", source).same


def test_of_real_directions(real, tmp_path):
    source = derive.read(real("mr_siemens_dwi_b0_500_1500"))
    derive.build(source, mean_over(along=DIRECTION)).write(tmp_path / "out")
    made = derive.read(tmp_path / "out")
    assert made.dimensions[0].values == (0, 500, 1500)
    for volume, members in zip(made.volumes, ([0], range(1, 7), range(7, 13)), strict=True):
        wanted = np.mean([source.volumes[k].array for k in members], axis=0)
        np.testing.assert_allclose(volume.array, wanted, atol=0.51)


DURATIONS = (10.0, 10.0, 20.0, 30.0, 60.0, 60.0, 120.0)


def timed(values, durations=DURATIONS):
    given = volumes(values)
    return Volumes(given.volumes, (Dimension("FrameReferenceTime", tuple(range(7)), "ms"),), durations)


@pytest.mark.filterwarnings("ignore:.*(empty slice|All-NaN):RuntimeWarning")
@pytest.mark.parametrize("padded", [False, True], ids=["full", "padded"])
def test_a_mean_over_times_weighs_how_long_each_was_counted(padded):
    values = numbers(padded)
    result = mean_over().on(timed(values))
    weights = np.where(np.isnan(values), 0, np.array(DURATIONS).reshape(-1, 1, 1, 1))
    total = weights.sum(axis=0)
    wanted = np.nansum(values * weights, axis=0) / np.where(total > 0, total, np.nan)
    np.testing.assert_allclose(result.volumes[0].array, wanted, rtol=2e-6)
    assert result.durations == (sum(DURATIONS),)
    plain = mean_over(weights="equal").on(timed(values)).volumes[0].array
    np.testing.assert_allclose(plain, np.nanmean(values, axis=0), rtol=2e-6)


@pytest.mark.parametrize(
    ("operation", "durations", "said"),
    [
        (mean_over(), DURATIONS, "mean_over(weights='duration')"),
        (mean_over(weights="equal"), DURATIONS, "mean_over(weights='equal')"),
        (mean_over(), (60.0,) * 7, "mean_over()"),
        (mean_over(), (), "mean_over()"),
        (sum_over(), DURATIONS, "sum_over()"),
    ],
)
def test_weights_are_recorded_where_they_matter(operation, durations, said):
    assert str(operation.settled(timed(numbers(), durations))) == said


def test_echoes_weigh_the_same_however_long_they_took():
    given = replace(volumes(), durations=DURATIONS)
    np.testing.assert_array_equal(
        mean_over(along=DIRECTION).on(given).volumes[1].array,
        mean_over(along=DIRECTION).on(volumes()).volumes[1].array,
    )


def test_durations_that_nobody_says_weigh_nothing():
    with raises_code("OP-WEIGHTS", UsageError):
        mean_over(weights="duration").on(timed(numbers(), ()))
