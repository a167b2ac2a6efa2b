"""Every result is the same bit by bit, whatever runs beside it and whoever asks for what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

import derive
from derive.model.volume import Volume
from derive.operations import REGISTRY, apply, gaussian_blur, reformat, resample
from derive.operations.kit.correlation import along_slices
from tests.helpers.asserting import each, every
from tests.helpers.sources import make_series
from tests.helpers.volumes import make_geometry

#: Some planes of large values, which are filtered in double precision, between planes of small ones.
MIXED = np.random.default_rng(2).normal(0, 300, (41, 24, 20)).astype(np.float32)
MIXED[17:19] *= 300
OF_A_VOLUME = {name: kind for name, kind in REGISTRY.items() if not kind.along}
#: Examples that are about other volumes: a point of a patient, a file.
ELSEWHERE = {"apply", "reformat", "transform"}
STEPS = {name: kind(**kind.example) for name, kind in OF_A_VOLUME.items() if name not in ELSEWHERE and kind.example}
STEPS["reformat"] = reformat(normal=(0, 0.6, 0.8))
STEPS["bspline"] = resample(spacing_mm=(1.1, 1.3, 1.7), interpolator="bspline")
STEPS["halo"] = apply(function=lambda values: values - values.mean(), code="99X:1:Test", halo_slices=2)
RUNS = st.lists(st.tuples(st.integers(0, 99), st.integers(1, 20)), min_size=1, max_size=12)


def mixed(padded: bool = False) -> Volume:
    values = MIXED.copy()
    if padded:
        values[:, :4] = np.nan
    volume = Volume.from_array(values, make_geometry(shape=values.shape))
    return replace(volume, quantity=replace(volume.quantity, step=1.0))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("slices", [1, 8, 17, 60, 400])
def test_sums_do_not_depend_on_the_threads_of_blas(slices, kind):
    random = np.random.default_rng(slices)
    weights, planes = random.normal(size=(min(8, slices), slices)), random.normal(size=(slices, 60, 301)).astype(kind)
    found = []
    for threads in (1, 2, 3, 8):
        with threadpool_limits(threads):
            found.append(along_slices(weights, planes))
    assert every(np.array_equal(found[0], one) for one in found)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("name", list(STEPS))
@settings(max_examples=8, deadline=None)
@given(runs=RUNS)
def test_slices_do_not_depend_on_which_are_asked_for(name, padded, runs):
    whole = STEPS[name](mixed(padded)).array
    asked, chained = STEPS[name](mixed(padded)), gaussian_blur(sigma_mm=2)(STEPS[name](mixed(padded)))
    chain = gaussian_blur(sigma_mm=2)(STEPS[name](mixed(padded))).array
    for start, length in each(runs):
        first = start % len(whole)
        last = min(len(whole), first + length)
        np.testing.assert_array_equal(asked.slab(first, last), whole[first:last])
        np.testing.assert_array_equal(chained.slab(first, last), chain[first:last])


@pytest.mark.parametrize("name", ["gaussian_blur", "bspline", "halo"])
def test_threads_that_share_a_series_get_what_one_alone_gets(name):
    series = derive.build(derive.read(make_series("CT", count=30)), STEPS[name])
    alone = [d.PixelData for d in series.instances()]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: [d.PixelData for d in series.instances()], range(6)))
    assert every(pixels == alone for pixels in found)


def test_the_number_of_threads_may_change_during_a_build():
    source = derive.read(make_series("CT", count=40))
    series = derive.build(source, gaussian_blur(sigma_mm=2.0))
    alone = [d.PixelData for d in series.instances()]
    with ThreadPoolExecutor(3) as pool:
        made = [pool.submit(lambda: [d.PixelData for d in series.instances()]) for _ in range(6)]
        while not all(m.done() for m in made):
            for count in (1, 4, 2, 3):
                derive.set_jobs(count)
        derive.set_jobs(None)
        assert every(m.result() == alone for m in made)


def test_what_is_computed_may_set_the_number_of_threads():
    def function(values):
        derive.set_jobs(3 if derive.parallel.jobs() == 2 else 2)
        return values

    derive.set_jobs(2)
    source = derive.read(make_series("CT", count=20))
    series = derive.build(source, apply(function=function, code="99X:1:Test", halo_slices=0))
    assert len(list(series.instances())) == 20
    derive.set_jobs(None)
