"""Several volumes go through the line: each is derived as if it were alone, and the result tells them apart again."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.operations import gaussian_blur, resample
from tests.helpers.asserting import each, every
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import make_series

DIRECTIONS = ((1.0, 0.0, 0.0), (0.0, 0.6, 0.8))


def places(index):
    return [0.0, 0.0, 2.0 * (index % 3)]


SERIES = {
    "single-frame echoes": make_series("MR", 6, ImagePositionPatient=places, EchoTime=lambda k: (12, 24)[k // 3]),
    "single-frame b-values": make_series(
        "MR", 6, ImagePositionPatient=places, DiffusionBValue=lambda k: (0.0, 800.0)[k // 3]
    ),
    "single-frame PET in time": make_series(
        "PT",
        6,
        ImagePositionPatient=places,
        FrameReferenceTime=lambda k: (500, 2500)[k // 3],
        SeriesType=["DYNAMIC", "IMAGE"],
        NumberOfTimeSlices=2,
        NumberOfSlices=3,
        ImageIndex=lambda k: k + 1,
    ),
    "multi-frame echoes": multi_frame("MR", slices=3, along={"EffectiveEchoTime": (10.0, 30.0)}, shuffled=1),
    "multi-frame diffusion": multi_frame(
        "MR", slices=3, along={"DiffusionBValue": (0, *((1000, d) for d in DIRECTIONS))}
    ),
    "multi-frame CT in time": multi_frame("CT", slices=3, along={"TemporalPositionTimeOffset": (0.0, 2.5)}),
}
FORMS = {
    "multi-frame echoes": ("classic", "enhanced"),
    "multi-frame diffusion": ("classic", "enhanced"),
    "multi-frame CT in time": ("enhanced",),
}
CASES = [(name, form) for name in SERIES for form in FORMS.get(name, ("classic",))]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_each_volume_is_derived_as_if_it_were_alone_and_told_apart_again(name, form, tmp_path):
    source = derive.read(SERIES[name])
    derive.build(source, gaussian_blur(sigma_mm=1.5), into=form).write(tmp_path / "all")
    result = derive.read(tmp_path / "all")
    assert [(d.keyword, d.values) for d in result.dimensions] == [(d.keyword, d.values) for d in source.dimensions]
    for number, volume in enumerate(each(result.volumes, 2), 1):
        alone = derive.read(SERIES[name], volumes=number)
        wanted = gaussian_blur(sigma_mm=1.5)(alone.volume).array
        assert np.abs(volume.array - wanted).max() <= 0.5 * max(f.rescale[0] for f in result.frames) + 1e-3


def test_single_frames_of_ct_in_time_are_a_series_each(tmp_path):
    source = derive.read(SERIES["multi-frame CT in time"])
    report = derive.build(source, gaussian_blur(sigma_mm=1.5), into="classic").write(tmp_path)
    for made, volume in zip(report.series, source.volumes, strict=True):
        result = derive.read(tmp_path / made.folder).volume.array
        assert np.abs(result - gaussian_blur(sigma_mm=1.5)(volume).array).max() <= 0.5 + 1e-3


def test_volumes_are_counted_in_the_plan_and_where_a_series_is_shown():
    source = derive.read(SERIES["multi-frame diffusion"])
    assert "3 volumes by DiffusionBValue 0, 1000 s/mm2; DiffusionGradientOrientation (2 directions)" in repr(source)
    plan = derive.build(source, resample(spacing_mm=2.0)).plan()
    assert (plan.images, plan.volumes, plan.to_json()["volumes"]) == (1, 3, 3)
    assert "volumes 3 by DiffusionBValue 0, 1000 s/mm2; DiffusionGradientOrientation (2 directions)" in str(plan)
    assert derive.build(source, resample(spacing_mm=2.0), into="classic").plan().images == 3 * plan.result.shape[0]


def test_only_times_are_counted_as_times(tmp_path):
    for name, wanted in (("single-frame echoes", None), ("single-frame b-values", None)):
        made = list(derive.build(derive.read(SERIES[name]), gaussian_blur(sigma_mm=1)).instances())
        assert every(d.get("NumberOfTemporalPositions") is wanted for d in made)
    times = make_series("MR", 6, ImagePositionPatient=places, TemporalPositionIdentifier=lambda k: 5 + k // 3)
    made = list(derive.build(derive.read(times), gaussian_blur(sigma_mm=1)).instances())
    assert [d.TemporalPositionIdentifier for d in made] == [1, 1, 1, 2, 2, 2]
    assert {d.NumberOfTemporalPositions for d in made} == {2}
