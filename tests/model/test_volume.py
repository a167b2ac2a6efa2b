"""Volume: slabs are parts of the whole, each slice is computed once, and nothing can be changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import derive
from derive.errors import ValuesError
from derive.model.reference import of_principal
from derive.model.volume import Quantity, Volume
from derive.operations import gaussian_blur
from tests.helpers.asserting import each, raises_code
from tests.helpers.volumes import make_geometry, make_volume

SLICES = 5
RUNS = st.lists(
    st.tuples(st.integers(0, SLICES - 1), st.integers(1, SLICES)).map(lambda r: (r[0], min(SLICES, sum(r)))),
    min_size=1,
    max_size=12,
)


def counted(volume):
    """The same volume, and the list of slices it computes."""
    computed = []

    def pull(first, last):
        computed.extend(range(first, last))
        return volume.slab(first, last)

    return replace(volume, pull=pull), computed


@given(RUNS)
def test_any_run_of_slices_is_a_part_of_the_whole(runs):
    volume = make_volume(make_geometry())
    whole = volume.array
    asked, _ = counted(volume)
    for first, last in each(runs):
        np.testing.assert_array_equal(asked.slab(first, last), whole[first:last])


def test_overlapping_requests_in_ascending_order_compute_each_slice_once():
    volume, computed = counted(make_volume(make_geometry(shape=(20, 6, 7))))
    for first in range(20):
        volume.slab(max(0, first - 3), min(20, first + 4))
    assert computed == list(range(20))


def test_nothing_is_computed_before_it_is_asked_for():
    volume, computed = counted(make_volume(make_geometry()))
    assert volume.shape == (5, 6, 7)
    assert volume.contributors_of([3, 1, 3]) == of_principal([1, 3])
    assert computed == []


def test_many_threads_get_what_they_ask_for():
    volume = replace(make_volume(make_geometry(shape=(40, 6, 7))))
    whole = np.array(volume.array)
    runs = [(k % 37, k % 37 + 3) for k in range(0, 400, 7)]
    with ThreadPoolExecutor(4) as pool:
        for (first, last), slab in each(zip(runs, pool.map(lambda r: volume.slab(*r), runs), strict=True)):
            np.testing.assert_array_equal(slab, whole[first:last])


def test_slabs_cannot_be_written_to():
    volume = make_volume(make_geometry())
    for values in (
        volume.slab(1, 3),
        volume.array,
        replace(volume, pull=lambda a, b: np.ones((b - a, 6, 7))).array,
    ):
        with pytest.raises(ValueError, match="read-only"):
            values[0, 0, 0] = 1


def test_an_array_that_is_changed_later_is_no_longer_the_volume_s():
    for kind in (np.float32, np.float64, np.int16):
        values = np.zeros((5, 6, 7), kind)
        volume = Volume.from_array(values, make_geometry())
        values[:] = 9
        assert (volume.array == 0).all()
        assert volume.array.dtype == np.float32


@pytest.mark.parametrize(("first", "last"), [(0, 0), (3, 2), (-1, 2), (4, 6)])
def test_slices_that_are_not_there_are_refused(first, last):
    with pytest.raises(ValuesError, match="VAL-SLAB"):
        make_volume(make_geometry()).slab(first, last)


@pytest.mark.parametrize(
    ("values", "code"), [(np.zeros((5, 6, 6)), "VAL-SHAPE"), (np.full((5, 6, 7), np.inf), "VAL-NONFINITE")]
)
def test_what_is_no_volume_is_refused(values, code):
    with pytest.raises(ValuesError, match=code):
        Volume.from_array(values, make_geometry())


def test_padding_is_known_and_filled():
    volume = make_volume(make_geometry(), padded=True)
    padding = np.isnan(volume.array)
    assert volume.quantity.padded
    assert not make_volume(make_geometry()).quantity.padded
    filled = volume.filled()
    assert (filled[padding] == -1000).all()
    np.testing.assert_array_equal(filled[~padding], volume.array[~padding])
    filled[:] = 0
    assert np.isnan(volume.array[padding]).all()


def test_new_values_are_of_the_same_quantity():
    volume = Volume.from_array(np.zeros((5, 6, 7)), make_geometry(), Quantity("BQML", 0.0))
    other = volume.with_array(np.full((2, 6, 7), np.nan), make_geometry(shape=(2, 6, 7)))
    assert other.quantity == Quantity("BQML", 0.0, padded=True)
    assert other.shape == (2, 6, 7)


def test_numpy_takes_a_series_a_volume_and_a_result_as_their_values():
    ct = derive.demo_series()
    blurred = derive.build(ct, gaussian_blur(sigma_mm=2))
    for shown, values in each(
        [(ct, derive.stack(ct).array), (ct.volume, ct.volume.array), (blurred, blurred.volume.array)]
    ):
        np.testing.assert_array_equal(np.asarray(shown), values)
        assert np.asarray(shown, np.float64).dtype == np.float64
        own = np.array(shown)
        own[0] = 7  # a copy: the volume stays what it was
        np.testing.assert_array_equal(np.asarray(shown), values)
    assert ct.volume is ct.volume


def test_whole_numbers_are_refused_where_there_is_padding():
    padded = Volume.from_array(np.array([[[1.0, np.nan]]]), make_geometry(shape=(1, 1, 2)))
    with raises_code("VAL-NONFINITE"):
        np.asarray(padded, np.int16)
    assert np.asarray(padded.filled(), np.int16).tolist() == [[[1, 0]]]
