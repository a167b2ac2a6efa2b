"""Colours that are computed: the samples of a pixel, each a volume, written as Secondary Capture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydicom.uid import MultiFrameTrueColorSecondaryCaptureImageStorage, SecondaryCaptureImageStorage

import derive
from derive.authoring.options import Options
from derive.authoring.order import Order
from derive.authoring.pictured import drawn_of
from derive.authoring.prepare import source_encoding
from derive.builder import DerivedSeries
from derive.errors import ValuesError
from derive.model.colours import Colours
from derive.model.frames import Frames, Volumes
from derive.model.other_class import placed
from derive.model.reference import FrameRef
from derive.operations import gaussian_blur
from derive.operations.kit.steps import planned
from tests.helpers.asserting import raises_code
from tests.helpers.enhanced import assert_accepted, saved, written
from tests.helpers.sources import make_series


def shifted(volumes: Volumes, by: float, scale: float = 0.1) -> Volumes:
    """The same volumes as a sample of a colour."""
    made = [
        replace(v, pull=lambda a, b, v=v: v.slab(a, b) * np.float32(scale) + np.float32(by)) for v in volumes.volumes
    ]
    return replace(volumes, volumes=tuple(made))


def coloured(volumes: Volumes) -> Colours:
    return Colours(shifted(volumes, 100), shifted(volumes, 0), shifted(volumes, 200, -0.1))


def stored(volumes: Volumes) -> np.ndarray:
    """What should be in the files: computed in double precision, beside the line."""
    values = volumes.slab(0, volumes.count).astype(np.float64)
    samples = [values * 0.1 + 100, values * 0.1, values * -0.1 + 200]
    return np.clip(np.rint(np.stack(samples, -1)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("kind", ["secondary-capture", "multi-frame-secondary-capture"])
def test_colours_of_volumes_are_written_as_they_were_computed(kind, tmp_path):
    source = derive.read(saved(tmp_path / "source", *make_series("CT")))
    sources, volumes, derivation = planned(source, [gaussian_blur(sigma_mm=1.0)])
    colours = coloured(volumes)
    sources, target, left = drawn_of(sources, colours, Options(set={"BurnedInAnnotation": "NO"}, into=kind))
    order = Order(
        sources,
        colours,
        derivation,
        target if kind == "secondary-capture" else placed(target),
        source_encoding((), derivation),
    )
    DerivedSeries(order, left).write(tmp_path / "out")
    instances = written(tmp_path / "out")
    together = kind != "secondary-capture"
    found = instances[0].pixel_array if together else np.stack([i.pixel_array for i in instances])
    assert np.abs(found.astype(int) - stored(volumes)).max() <= 1  # single precision, at a half
    assert (found != stored(volumes)).mean() < 1e-3
    for instance in instances:
        wanted = MultiFrameTrueColorSecondaryCaptureImageStorage if together else SecondaryCaptureImageStorage
        assert wanted == instance.SOPClassUID
        assert (instance.PhotometricInterpretation, instance.SamplesPerPixel) == ("RGB", 3)
        assert (instance.PlanarConfiguration, instance.BitsAllocated, instance.PixelRepresentation) == (0, 8, 0)
        assert not {"RescaleSlope", "WindowCenter", "SmallestImagePixelValue", "PixelPaddingValue"} & {*instance.dir()}
    if not together:
        assert [list(i.ImagePositionPatient) for i in instances] == [
            list(volumes.geometry.position(k)) for k in range(volumes.count)
        ]
    assert_accepted(tmp_path / "source", tmp_path / "out")


def test_colours_are_frames_and_round_half_to_even_and_saturate():
    volumes = planned(derive.read(make_series("CT")), [gaussian_blur(sigma_mm=1.0)])[1]
    values = np.array([-3.0, 0.5, 1.5, 254.5, 255.5, 900.0], np.float32)
    flat = [replace(v, pull=lambda a, b, v=v: np.resize(values, (b - a, *v.shape[1:]))) for v in volumes.volumes]
    one = replace(volumes, volumes=tuple(flat))
    frames: Frames = Colours(one, one, one)
    assert list(frames.slab(1, 2)[0, 0, :6, 1]) == [0, 0, 2, 254, 255, 255]
    assert frames.slab(0, 2).shape == (2, *volumes.shape[1:], 3)
    assert (frames.volumes, frames.count, frames.geometry) == ((), volumes.count, volumes.geometry)
    assert (frames.format.bits, frames.format.samples, frames.format.photometric) == (8, 3, "RGB")
    assert frames.stored_bytes == int(np.prod(volumes.shape)) * 3


def test_contributors_are_those_of_all_samples_without_repeats():
    volumes = planned(derive.read(make_series("CT")), [gaussian_blur(sigma_mm=1.0)])[1]
    beside = replace(
        volumes, volumes=tuple(replace(v, contributors=lambda k: (FrameRef(1, k),)) for v in volumes.volumes)
    )
    frames = Colours(volumes, beside, beside)
    assert frames.contributors(2) == (*volumes.contributors(2), FrameRef(1, 2))


def test_samples_that_do_not_lie_alike_and_what_is_no_number_are_refused():
    volumes = planned(derive.read(make_series("CT")), [gaussian_blur(sigma_mm=1.0)])[1]
    fewer = planned(derive.read(make_series("CT")[:-1]), [gaussian_blur(sigma_mm=1.0)])[1]
    with raises_code("VAL-SHAPE", ValuesError):
        Colours(volumes, volumes, fewer)
    with raises_code("VAL-NONFINITE", ValuesError):
        Colours(volumes, volumes, shifted(volumes, np.nan)).slab(0, 1)
