"""What every map of a quantity promises: ADC, T1, T2 and T2* of synthetic signals, beside numpy and scipy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import curve_fit

import derive
from derive.errors import UsageError, ValuesError
from derive.model.derivation import ValuesEffect
from derive.model.dimension import Dimension
from derive.model.frames import Volumes
from derive.model.volume import Number, Volume
from derive.operations import REGISTRY, adc, t1_map, t2_map, t2star_map
from tests.helpers.asserting import each, raises_code
from tests.helpers.volumes import in_parts, make_geometry

GEOMETRY = make_geometry(shape=(11, 6, 5))
RNG = np.random.default_rng(18)
B, DIRECTION = "DiffusionBValue", "DiffusionGradientOrientation"
B_VALUES, ECHOES = (0.0, 400.0, 800.0), (10.0, 30.0, 60.0, 90.0)
INVERSIONS, ANGLES, TR_MS = (50.0, 200.0, 600.0, 1200.0, 2500.0), (2.0, 5.0, 12.0, 20.0), 6.0


def truth(low, high):
    return RNG.uniform(low, high, GEOMETRY.shape)


ADC, T2, T1, AMPLITUDE = truth(3e-4, 2.5e-3), truth(15, 200), truth(200, 2000), truth(500, 2000)


def volumes(signals, *dimensions):
    return Volumes(tuple(Volume.from_array(s, GEOMETRY) for s in signals), dimensions)


def decays(rate, at, noise=0.0):
    signals = [AMPLITUDE * np.exp(-x * rate) for x in at]
    return [np.maximum(s + RNG.normal(0, noise, s.shape), 1.0).astype(np.float32) for s in signals]


def dwi(noise=0.0):
    return volumes(decays(ADC, B_VALUES, noise), Dimension(B, B_VALUES, "s/mm2"))


def echoes(noise=0.0):
    return volumes(decays(1 / T2, ECHOES, noise), Dimension("EchoTime", ECHOES, "ms"))


def inversions():
    signals = [np.abs(AMPLITUDE * (1 - 1.9 * np.exp(-x / T1))) for x in INVERSIONS]
    return volumes(signals, Dimension("InversionTime", INVERSIONS, "ms"))


def angles():
    e, radians = np.exp(-TR_MS / T1), np.radians(ANGLES)
    signals = [AMPLITUDE * np.sin(a) * (1 - e) / (1 - e * np.cos(a)) for a in radians]
    return volumes(signals, Dimension("FlipAngle", ANGLES, "deg"))


#: Every map, with volumes that it takes and what comes out, in its units.
MAPS = {
    "adc": (adc(), dwi, ADC * 1e6),
    "adc in mm2/s": (adc(scale="mm2/s"), dwi, ADC),
    "adc non-linear": (adc(fit="non-linear"), dwi, ADC * 1e6),
    "t2": (t2_map(), echoes, T2),
    "t2 non-linear": (t2_map(fit="non-linear"), echoes, T2),
    "t2*": (t2star_map(), echoes, T2),
    "t1 of inversions": (t1_map(), inversions, T1),
    "t1 of angles": (t1_map(tr_ms=TR_MS), angles, T1),
}
NAMES = pytest.mark.parametrize("name", MAPS)


def made(name):
    operation, given, _ = MAPS[name]
    return operation.on(given())


def test_every_map_is_asked_here():
    asked = {operation.kind.name for operation, _, _ in MAPS.values()}
    assert asked == {name for name, kind in REGISTRY.items() if kind.beside is not None}


@NAMES
def test_what_was_put_in_comes_out(name):
    (volume,) = made(name).volumes
    np.testing.assert_allclose(volume.array, MAPS[name][2], rtol=2e-3)


@NAMES
def test_slab_by_slab_equals_the_whole(name):
    whole = made(name).volumes[0].array
    np.testing.assert_array_equal(in_parts(made(name).volumes[0], 3), whole)


@NAMES
def test_nothing_is_computed_before_a_slab_is_asked_for(name):
    def early(first, last):
        raise AssertionError("computed too early")

    operation, given, _ = MAPS[name]
    lazy = given()
    lazy = replace(lazy, volumes=tuple(replace(v, pull=early) for v in lazy.volumes))
    assert len(operation.on(lazy).volumes) == 1


@NAMES
def test_all_that_contributed_is_said(name):
    operation, given, _ = MAPS[name]
    few = given()
    apart = tuple(replace(v, contributors=lambda k, n=n: ((0, 11 * n + k),)) for n, v in enumerate(few.volumes))
    (volume,) = operation.on(replace(few, volumes=apart)).volumes
    assert volume.contributors(4) == tuple((0, 11 * n + 4) for n in range(len(apart)))


@NAMES
def test_a_map_says_what_it_is_of(name):
    operation, given, _ = MAPS[name]
    before, after = given(), made(name)
    quantity = after.quantity
    assert quantity.concept is not None
    assert quantity.units in ("um2/s", "mm2/s", "ms")
    assert quantity.definition
    step = operation.step(before.volumes[0], after.volumes[0])
    assert (step.values_effect, step.units) == (ValuesEffect.NEW_QUANTITY, quantity.units)


@NAMES
def test_padding_and_signals_that_are_none_do_not_count(name):
    operation, given, _ = MAPS[name]
    few = [np.array(v.array) for v in given().volumes]
    for signal in few[1:]:
        signal[3] = np.nan
    dimensions = given().dimensions
    result = operation.on(volumes(few, *dimensions)).volumes[0]
    assert result.quantity.padded
    assert np.isnan(result.array[3]).all()
    assert np.isfinite(result.array[4]).all()


@NAMES
def test_r2_is_a_map_beside_it(name):
    operation, given, _ = MAPS[name]
    parameters = {**operation.parameters, "result": "r2"}
    (volume,) = operation.kind(**parameters).on(given()).volumes
    assert (volume.quantity.label, volume.quantity.units) == ("R2", "1")
    np.testing.assert_allclose(volume.array, 1, atol=1e-3)


@NAMES
def test_phases_are_refused(name):
    operation, given, _ = MAPS[name]
    few = given()
    phases = tuple(replace(v, quantity=replace(v.quantity, cyclic=True)) for v in few.volumes)
    with pytest.raises(ValuesError) as refused:
        operation.on(replace(few, volumes=phases))
    assert refused.value.code == "VAL-PHASE"


@NAMES
def test_a_single_sample_is_refused(name):
    operation, given, _ = MAPS[name]
    with pytest.raises(UsageError) as refused:
        operation.on(Volumes(given().volumes[:1]))
    assert refused.value.code in ("OP-SAMPLES", "OP-MODEL")


@NAMES
def test_other_dimensions_make_a_map_each(name):
    operation, given, expected = MAPS[name]
    few = given()
    (dimension,) = few.dimensions
    both = Dimension(dimension.keyword, dimension.values * 2, dimension.units)
    times = Dimension("TemporalPositionIdentifier", (1.0,) * len(few.volumes) + (2.0,) * len(few.volumes))
    result = operation.on(Volumes(few.volumes * 2, (both, times)))
    assert [d.keyword for d in result.dimensions] == ["TemporalPositionIdentifier"]
    for volume in each(result.volumes):
        np.testing.assert_allclose(volume.array, expected, rtol=2e-3)


def test_log_linear_is_the_line_of_numpy():
    given = dwi(noise=30)
    logs = np.log(np.stack([v.array for v in given.volumes])).reshape(3, -1)
    slope = -1e6 * np.polyfit(B_VALUES, logs, 1)[0].reshape(GEOMETRY.shape)
    found = adc().on(given).volumes[0].array
    np.testing.assert_allclose(found[slope >= 1], slope[slope >= 1], rtol=1e-5)
    assert np.isnan(found[slope < 1]).all()


def test_non_linear_is_the_curve_of_scipy():
    given = echoes(noise=20)
    signals = np.stack([v.array for v in given.volumes])
    found, r2 = (t2_map(fit="non-linear", result=r).on(given).volumes[0].array for r in ("map", "r2"))
    for place in [(0, 0, 0), (3, 2, 1), (7, 5, 4), (10, 3, 3)]:
        y = signals[:, *place].astype(float)
        (a, t), _ = curve_fit(lambda x, a, t: a * np.exp(-x / t), ECHOES, y, (y[0], 50.0))
        assert found[place] == pytest.approx(t, rel=1e-4)
        left = y - a * np.exp(-np.array(ECHOES) / t)
        assert r2[place] == pytest.approx(1 - (left**2).sum() / ((y - y.mean()) ** 2).sum(), abs=1e-5)


def test_inversion_recovery_is_the_curve_of_scipy():
    given = inversions()
    noisy = [np.abs(v.array + RNG.normal(0, 5, v.shape)).astype(np.float32) for v in given.volumes]
    found = t1_map().on(volumes(noisy, *given.dimensions)).volumes[0].array

    def curve(x, a, b, t):
        return np.abs(a - b * np.exp(-x / t))

    for place in [(0, 0, 0), (5, 1, 2), (9, 4, 4)]:
        y = np.stack(noisy)[:, *place].astype(float)
        (_, _, t), _ = curve_fit(curve, INVERSIONS, y, (AMPLITUDE[place], 2 * AMPLITUDE[place], T1[place]))
        assert found[place] == pytest.approx(t, rel=2e-3)


def test_signed_signals_of_an_inversion_keep_their_sign():
    signals = [AMPLITUDE * (1 - 2 * np.exp(-x / T1)) for x in INVERSIONS]
    given = volumes(signals, Dimension("InversionTime", INVERSIONS, "ms"))
    np.testing.assert_allclose(t1_map(model="signed-inversion-recovery").on(given).volumes[0].array, T1, rtol=2e-3)


def test_directions_are_averaged_before_the_fit():
    """The geometric mean of decays with D of 1, 2 and 3 is the decay of the trace, 2."""
    each_of = [1e-3, 2e-3, 3e-3]
    signals = [np.full(GEOMETRY.shape, 1000.0)] + [np.full(GEOMETRY.shape, 1000 * np.exp(-1000 * d)) for d in each_of]
    given = volumes(
        signals,
        Dimension(B, (0.0, 1000.0, 1000.0, 1000.0)),
        Dimension(DIRECTION, (None, (1, 0, 0), (0, 1, 0), (0, 0, 1))),
    )
    (volume,) = adc().on(given).volumes
    np.testing.assert_allclose(volume.array, 2000, rtol=1e-5)


def test_b_values_are_chosen_and_recorded_in_the_definition():
    (volume,) = adc(b=(0, 800)).on(dwi()).volumes
    numbers = [value for _, value in volume.quantity.definition if isinstance(value, Number)]
    assert numbers == [Number(0.0, "s/mm2"), Number(800.0, "s/mm2")]
    assert volume.quantity.definition[1][1].meaning == "Log of ratio of two samples"
    np.testing.assert_allclose(volume.array, ADC * 1e6, rtol=1e-4)


def test_what_lies_in_noise_does_not_count():
    """The last echo lies below the floor everywhere, and is off: without it the time is right."""
    signals = decays(1 / T2, ECHOES)
    signals[-1][:] = 0.5
    given = volumes(signals, Dimension("EchoTime", ECHOES, "ms"))
    np.testing.assert_allclose(t2_map(noise_floor=1.0).on(given).volumes[0].array, T2, rtol=2e-3)
    high = float(np.max(signals[1])) + 1
    assert np.isnan(t2_map(noise_floor=high).on(given).volumes[0].array).all()


def test_times_that_nothing_tells_are_padding():
    (volume,) = t2_map(longest_ms=100).on(echoes()).volumes
    np.testing.assert_array_equal(np.isnan(volume.array), T2 > 100)


REFUSED = [
    (adc(b=(0, 1000)), dwi, "OP-SAMPLES"),
    (adc(b=(0,)), dwi, "OP-B-VALUE"),
    (adc(b=(-5, 400)), dwi, "OP-B-VALUE"),
    (adc(noise_floor=-1), dwi, "OP-NOISE"),
    (adc(b=(0, 800), result="r2"), dwi, "OP-SAMPLES"),
    (adc(), echoes, "OP-SAMPLES"),
    (t2_map(echoes_ms=(10, 31)), echoes, "OP-SAMPLES"),
    (t2_map(longest_ms=0), echoes, "OP-LIMIT"),
    (t2star_map(), dwi, "OP-SAMPLES"),
    (t1_map(), echoes, "OP-MODEL"),
    (t1_map(), angles, "OP-TR"),
    (t1_map(tr_ms=0), angles, "OP-TR"),
    (t1_map(at=(50, 200)), inversions, "OP-SAMPLES"),
]


@pytest.mark.parametrize(("operation", "given", "code"), REFUSED, ids=[f"{k}-{r[2]}" for k, r in enumerate(REFUSED)])
def test_what_makes_no_map_is_refused_by_name(operation, given, code):
    with raises_code(code):
        operation.on(given())


def test_the_adc_of_a_vendor_is_ours(real):
    """Siemens writes b 0 and the trace of b 2500 as series of their own: median within 2 %, where there is a signal.

    The trace is of numbers from 0 to 8; below 3 what was rounded off is more than that.
    """
    folder = real("siemens_xa30i_diffusion_maps")
    trace, b0, theirs = (derive.read(folder / name) for name in ("tracew", "tensor_b0", "adc"))
    both = Volumes((b0.volume, trace.volume), (Dimension(B, (0.0, 2500.0), "s/mm2"),))
    ours, vendors = adc(noise_floor=3).on(both).volumes[0].array, theirs.volume.array
    inside = (b0.volume.array > 100) & (vendors > 0) & np.isfinite(ours)
    assert inside.sum() > 1000
    assert np.median(ours[inside]) == pytest.approx(np.median(vendors[inside]), rel=0.02)
