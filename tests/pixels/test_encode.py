"""Stored values: saturate and never wrap, error within half a step, slopes as they are written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from derive.errors import ValuesError
from derive.pixels.encode import Encoding, Rescale, SourceEncoding, decimal, encode, for_instance, for_range
from derive.pixels.fitting import fit, keep, per_instance
from tests.helpers.asserting import raises_code

CT = SourceEncoding(slopes=(1.0,) * 3, intercepts=(-1024.0,) * 3, signed=False, padding=None)
PET = SourceEncoding(slopes=(0.5, 0.7), intercepts=(0.0, 0.0), signed=True, padding=None)
finite = st.floats(-1e6, 1e6, width=32)


@given(arrays(np.float32, (4, 5), elements=finite))
def test_series_encoding_of_any_values_keeps_within_half_a_step(values):
    encoding = for_range((float(values.min()), float(values.max())))
    frame = encode(values, encoding)
    assert frame.saturated == 0
    assert frame.error <= encoding.slope * 0.5001 + 1e-9 * np.abs(values).max()
    decoded = frame.stored * encoding.slope + encoding.intercept
    rounding = 4 * np.finfo(np.float64).eps * max(abs(encoding.intercept), np.abs(values).max())
    rounding += 4 * np.finfo(np.float64).eps * encoding.slope * 2**15
    assert np.abs(decoded - values).max() == pytest.approx(frame.error, abs=rounding)


@given(arrays(np.float32, (4, 5), elements=finite))
def test_instance_encoding_has_no_intercept_and_keeps_within_half_a_step(values):
    frame = encode(values, None)
    assert frame.encoding.intercept == 0
    assert frame.error <= frame.encoding.slope * 0.5001
    assert len(repr(frame.encoding.slope)) <= 24
    assert decimal(frame.encoding.slope) == frame.encoding.slope


def test_values_outside_the_bits_saturate_and_are_counted():
    frame = encode(np.array([[-1e6, 0, 1e6]], np.float32), Encoding(1.0, 0.0, signed=True))
    assert frame.stored.tolist() == [[-32768, 0, 32767]]
    assert frame.saturated == 2
    assert frame.error == pytest.approx(1e6 - 32767)


def test_the_slope_of_the_source_stays_while_it_holds_the_values():
    assert keep(Rescale.SERIES, CT, (-1024, 3071), padded=False) == Encoding(1.0, -1024.0, signed=False)
    assert keep(Rescale.SERIES, CT, (-2000, 3071), padded=False) == Encoding(1.0, -1024.0, signed=True)
    assert keep(Rescale.SERIES, CT, (-1e6, 3071), padded=False) is None
    found = fit(Rescale.SERIES, CT, (-1e6, 3071), padded=False, keeps_quantity=True)
    assert found is not None
    assert found.holds((-1e6, 3071))


def test_a_new_quantity_gets_its_slope_from_the_data():
    found = fit(Rescale.SERIES, CT, (0.0, 1.0), padded=False, keeps_quantity=False)
    assert found is not None
    assert found.slope < 1 / 60000


def test_pet_with_several_slopes_gets_one_an_instance_and_with_one_keeps_it():
    assert per_instance(Rescale.INSTANCE, PET, keeps_quantity=True)
    one = SourceEncoding((0.5, 0.5), (0.0, 0.0), True, None)
    assert not per_instance(Rescale.INSTANCE, one, keeps_quantity=True)
    assert keep(Rescale.INSTANCE, one, (-10, 16000), padded=False) == Encoding(0.5, 0.0, signed=True)


@pytest.mark.parametrize(
    ("slope", "widest", "expected"),
    [(1.0, 4095, 1.0), (21.27, 87000, 10.0), (0.25, 900, 0.1), (1.0, 1e6, 100.0)],
)
def test_mr_numbers_are_a_power_of_ten(slope, widest, expected):
    source = SourceEncoding((slope,), (0.0,), False, None)
    found = fit(Rescale.MAPPING, source, (0.0, widest), padded=False, keeps_quantity=True)
    assert found is not None
    assert found.slope == pytest.approx(expected)
    assert found.intercept == 0


def test_padding_is_set_apart_and_no_value_falls_on_it():
    values = np.array([[np.nan, 9.6, 10.0, 10.4]], np.float32)
    frame = encode(values, Encoding(1.0, 0.0, signed=True, padding=10))
    assert frame.stored[0, 0] == 10
    assert 10 not in frame.stored[0, 1:]
    assert frame.error <= 1.0
    assert (frame.smallest, frame.largest) == (9, 11)


@pytest.mark.parametrize("padding", [-32768, 32767])
def test_padding_at_either_end_of_the_bits(padding):
    values = np.array([[np.nan, -32768, 32767]], np.float32)
    frame = encode(values, Encoding(1.0, 0.0, signed=True, padding=padding))
    assert (frame.stored[0, 1:] != padding).all()
    assert frame.error == 1.0


def test_padding_that_nobody_provided_for_is_an_error():
    with pytest.raises(ValuesError, match="VAL-PADDING"):
        encode(np.array([[np.nan, 1]], np.float32), Encoding(1.0, 0.0, signed=True))


def test_infinite_values_are_an_error():
    with pytest.raises(ValuesError, match="VAL-NONFINITE"):
        encode(np.array([[np.inf, 1]], np.float32), None)


def test_an_instance_of_nothing_but_padding():
    frame = encode(np.full((2, 2), np.nan, np.float32), None)
    assert frame.encoding.padding == -32768
    assert (frame.stored == -32768).all()
    assert frame.error == 0


def test_an_instance_of_zeros_has_a_slope():
    assert for_instance((0.0, 0.0)).slope == 1.0


@given(
    arrays(np.float32, (6, 7), elements=st.floats(-40000, 40000, width=32)),
    st.sampled_from([(1.0, -1024.0), (1.0, 0.0), (1.0, -8192.0), (1.0, -1023.5), (0.25, -1024.0), (-1.0, 3.0)]),
    st.sampled_from([None, -32768, -2000, 0, 32767]),
    st.booleans(),
    st.booleans(),
)
def test_any_encoding_is_that_of_a_plain_reference(values, rescale, padding, signed, padded):
    """Nearest stored value, saturated, beside the padding value; single precision where that is exact or not."""
    encoding = Encoding(*rescale, signed, padding if signed or padding is None else abs(padding))
    mask = np.zeros(values.shape, bool)
    mask[0, ::2] = padded and padding is not None
    frame = encode(np.where(mask, np.float32(np.nan), values), encoding)
    low, high = encoding.bounds
    exact = (values.astype(np.float64) - encoding.intercept) / encoding.slope
    native = ~mask
    off = np.abs(frame.stored - np.clip(exact, low, high))[native]
    beside = frame.stored[native].astype(int)
    assert (off <= 0.5 + (1.0 if encoding.padding is not None else 0)).all()
    if encoding.padding is None:
        assert (off <= 0.5).all()
    else:
        assert (beside != encoding.padding).all()
        assert (off[np.abs(beside - encoding.padding) > 1] <= 0.5).all()
        assert (frame.stored[mask] == encoding.padding).all()
    assert (frame.smallest, frame.largest) == (beside.min(), beside.max())
    assert frame.saturated == np.count_nonzero(((np.rint(exact) < low) | (np.rint(exact) > high))[native])
    error = np.abs(frame.stored * encoding.slope + encoding.intercept - values.astype(np.float64))[native].max()
    assert frame.error == pytest.approx(error, abs=1e-9, rel=1e-9)


@pytest.mark.parametrize(
    ("padding", "value", "stored"),
    [(-32768, -40000.0, -32767), (32767, 40000.0, 32766), (0, 0.2, 1), (0, -0.2, -1), (5, 5.0, 4)],
)
def test_a_value_is_never_stored_as_padding(padding, value, stored):
    frame = encode(np.array([[np.nan, value]], np.float32), Encoding(1.0, 0.0, True, padding))
    assert frame.stored[0, 0] == padding
    assert frame.stored[0, 1] != padding
    assert abs(int(frame.stored[0, 1]) - stored) <= 2
    assert (frame.smallest, frame.largest) == (frame.stored[0, 1],) * 2


def test_padding_without_a_value_for_it_is_refused():
    with raises_code("VAL-PADDING"):
        encode(np.array([[np.nan, 1.0]], np.float32), Encoding(1.0, 0.0, True))


@pytest.mark.parametrize("signed", [False, True])
def test_a_range_is_held_up_to_the_value_that_is_padding(signed):
    low, high = (-32768, 32767) if signed else (0, 65535)
    assert Encoding(1.0, 0.0, signed).holds((low, high))
    assert not Encoding(1.0, 0.0, signed).holds((low - 1, high))
    assert not Encoding(1.0, 0.0, signed).holds((low, high + 1))
    assert Encoding(1.0, 0.0, signed, low).holds((low + 1, high))
    assert not Encoding(1.0, 0.0, signed, low).holds((low, high))
    assert Encoding(1.0, 0.0, signed, high).holds((low, high - 1))
    assert not Encoding(1.0, 0.0, signed, high).holds((low, high))
    assert Encoding(-1.0, 0.0, signed, low).holds((-high, -low - 1))
