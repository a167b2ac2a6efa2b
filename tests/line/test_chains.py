"""Random chains of steps on random sources: written, valid to others, and read back as computed."""

from __future__ import annotations

import random

import numpy as np
import pytest

import derive
from derive.operations import apply, gaussian_blur, mean_projection, minip, mip, resample
from tests.helpers.peers import dciodvfy_errors, spread
from tests.helpers.sources import AXIAL, OBLIQUE, make_series

SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))


def stretch(values: np.ndarray) -> np.ndarray:
    return values * np.float32(1.5)


def negate(values: np.ndarray) -> np.ndarray:
    return -values


def random_step(rng, modality):
    def one_of(*choices):
        return rng.choice(choices)

    kind = one_of("blur", "resample", "mip", "minip", "mean", "apply", "quantity")
    if kind == "blur":
        return gaussian_blur(sigma_mm=one_of(0.0, 0.7, 2.5, (0.0, 1.0, 3.0)))
    if kind == "resample":
        spacing = one_of(1.0, (2.0, 1.0, 2.0), (0.7, 3.1, 2.0), (1.0, 1.25, 2.0))
        interpolator = one_of("nearest", "linear", "bspline", "lanczos")
        return resample(spacing_mm=spacing, interpolator=interpolator, fill=one_of(None, "padding", -5.0))
    if kind == "mip":
        return mip(slab_mm=one_of(None, 1.0, 3.0, 7.0), plane=one_of("native", "axial", "coronal", "sagittal"))
    if kind == "minip":
        return minip(slab_mm=one_of(2.0, 5.0), step_mm=one_of(1.0, 4.0), plane=one_of("native", "coronal"))
    if kind == "mean":
        return mean_projection(slab_mm=one_of(None, 4.0))
    if kind == "apply":
        return apply(function=one_of(stretch, negate), code="Smoothing", halo_slices=one_of(None, 0, 1))
    return apply(function=stretch, code="99LAB:A:A map", units="PROPCPS" if modality == "PT" else one_of("mm", "%"))


def random_source(rng, modality):
    changes = {}
    if rng.random() < 0.4:
        changes["PixelPaddingValue"] = 700
    if rng.random() < 0.3:
        changes["InstanceNumber"] = lambda k: 30 - k
    if rng.random() < 0.2:
        changes["PhotometricInterpretation"] = "MONOCHROME1"
    return make_series(
        modality, count=rng.choice([2, 3, 6, 9]), cosines=rng.choice([AXIAL, OBLIQUE, SAGITTAL]), **changes
    )


@pytest.mark.parametrize("seed", range(60))
def test_a_random_chain_is_valid_and_read_back_as_computed(seed, tmp_path):
    rng = random.Random(seed)
    modality = rng.choice(["CT", "MR", "PT"])
    source = derive.read(random_source(rng, modality))
    steps = [random_step(rng, modality) for _ in range(rng.randint(1, 3))]
    try:
        series = derive.build(source, *steps)
    except derive.GeometryError as error:
        if error.code != "GEO-SINGLE":  # a projection left one slice, which has no neighbours to resample between
            raise
        return
    report = series.write(tmp_path / "o")
    assert report.saturated == 0
    assert dciodvfy_errors(spread(report.files, 2)) == {}
    found, wanted = derive.stack(derive.read(tmp_path / "o")).array, series.volume.array
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    native = ~np.isnan(wanted)
    error = np.abs(found[native].astype(np.float64) - wanted[native]).max(initial=0)
    assert error <= report.value_error + 1e-6 * np.abs(wanted[native]).max(initial=1)
