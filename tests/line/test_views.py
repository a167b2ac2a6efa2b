"""Projections from all around as files: of each class, in one volume and several; every command takes them."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from derive.checking.files import check
from derive.errors import DeriveError
from derive.operations import gaussian_blur, minip, mip
from derive.reading.frames import frames_of
from derive.reading.planes import plane_of
from derive.reading.scan import all_of
from tests.helpers.asserting import every
from tests.helpers.commands import run as run_command
from tests.helpers.enhanced import written
from tests.helpers.multi_frame import multi_frame
from tests.helpers.sources import OBLIQUE, make_series
from tests.helpers.verification import edit, verified

COUNT = 5


def built(source, **given):
    return derive.build(source, mip(rotate=COUNT, **given.pop("parameters", {})), **given)


@pytest.fixture(params=["CT", "MR", "PT"])
def classic(request, tmp_path):
    for k, dataset in enumerate(make_series(request.param, cosines=OBLIQUE)):
        (tmp_path / "source").mkdir(exist_ok=True)
        dataset.save_as(tmp_path / "source" / f"{k}.dcm", enforce_file_format=True)
    return tmp_path / "source"


def enhanced(tmp_path, modality, **form):
    path = tmp_path / "enhanced.dcm"
    multi_frame(modality, slices=5, **form).save_as(path, enforce_file_format=True)
    return path


def test_single_frames_say_each_where_they_lie_and_no_spacing_between(classic, tmp_path):
    series = built(classic)
    report = series.write(tmp_path / "out")
    files = [pydicom.dcmread(f) for f in report.files]
    assert [f.InstanceNumber for f in files] == [1, 2, 3, 4, 5]
    for dataset, plane in zip(files, series.frames.planes, strict=True):
        np.testing.assert_allclose(dataset.ImageOrientationPatient, plane.cosines, atol=1e-9)
        np.testing.assert_allclose(dataset.ImagePositionPatient, plane.position, atol=1e-6)
        np.testing.assert_allclose(dataset.PixelSpacing, plane.pixel_spacing)
        assert "SpacingBetweenSlices" not in dataset
        assert "SliceLocation" not in dataset
        assert dataset.ImageType[0] == "DERIVED"
        assert dataset.DerivationCodeSequence[0].CodeValue == "113078"
        assert len(dataset.SourceImageSequence) == 6
    assert len({tuple(f.ImageOrientationPatient) for f in files}) == COUNT
    assert report.geometry_error_mm < 1e-4
    assert not [f for f in check(tmp_path / "out").findings if f.severity == "error"]


def test_what_is_written_is_what_was_projected(classic, tmp_path):
    series = built(classic)
    report = series.write(tmp_path / "out")
    wanted = series.frames.slab(0, COUNT)
    for path, image in zip(report.files, wanted, strict=True):
        dataset = pydicom.dcmread(path)
        slope = float(dataset.get("RescaleSlope", 1))
        if "RealWorldValueMappingSequence" in dataset:
            slope = float(dataset.RealWorldValueMappingSequence[0].RealWorldValueSlope)
        values = dataset.pixel_array * slope + float(dataset.get("RescaleIntercept", 0))
        assert np.abs(values - image).max() <= slope / 2 * 1.001


def test_every_command_takes_them(classic, tmp_path):
    out = tmp_path / "out"
    assert run_command("mip", classic, "-o", out, "--rotate", COUNT, "--axis", "left-right", "-q") == 0
    for command in (["check"], ["inspect"], ["explain"], ["diff", out]):
        assert run_command(command[0], out, *command[1:], "-q") == 0
    assert run_command("verify", out, "--sources", classic) == 0
    assert run_command("show", out, "--stack", "1", "-o", tmp_path / "view.png", "-q") == 0
    with pytest.raises(DeriveError, match="OP-AXIS"):
        run_command("mip", classic, "-o", tmp_path / "x", "--rotate", "4", "--axis", "0", "0.7", "0.7")
    with pytest.raises(SystemExit):
        run_command("mip", classic, "-o", tmp_path / "x", "--rotate", "4", "--axis", "upwards")


def test_they_are_recomputed_and_a_view_that_was_exchanged_or_moved_is_noticed(classic, tmp_path):
    files = derive.build(classic, minip(rotate=COUNT)).write(tmp_path / "out").files
    assert verified(tmp_path / "out", classic).verdict == "SAME"
    first, second = (pydicom.dcmread(f) for f in files[:2])
    first.PixelData, second.PixelData = second.PixelData, first.PixelData
    first.save_as(files[0])
    second.save_as(files[1])
    found = verified(tmp_path / "out", classic)
    assert (found.verdict, len(found.differing)) == ("DIFFERS", 2)
    assert every("holds the pixels of" in " ".join(v.faults) for v in found.differing)
    edit(files[3], lambda dataset: setattr(dataset, "ImageOrientationPatient", [1, 0, 0, 0, 0, -1]))
    assert any("mm off" in " ".join(v.faults) for v in verified(tmp_path / "out", classic).differing)


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_frames_of_one_instance_are_a_stack_that_turns(modality, tmp_path):
    source = enhanced(tmp_path, modality)
    series = built(source)
    series.write(tmp_path / "out")
    (dataset,) = written(tmp_path / "out")
    assert dataset.NumberOfFrames == COUNT
    assert "DimensionOrganizationType" not in dataset
    assert dataset.VolumetricProperties == "SAMPLED"
    assert dataset.VolumeBasedCalculationTechnique == "MAX_IP"
    assert "SpacingBetweenSlices" not in dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    groups = dataset.PerFrameFunctionalGroupsSequence
    assert [g.FrameContentSequence[0].InStackPositionNumber for g in groups] == [1, 2, 3, 4, 5]
    ((header,), _) = all_of(tmp_path / "out")
    for frame, plane in zip(frames_of(header), series.frames.planes, strict=True):
        np.testing.assert_allclose(plane_of(frame).cosines, plane.cosines, atol=1e-9)
        np.testing.assert_allclose(plane_of(frame).position, plane.position, atol=1e-6)
    assert verified(tmp_path / "out", source).verdict == "SAME"
    assert not [f for f in check(tmp_path / "out").findings if f.severity == "error"]


@pytest.mark.parametrize(("modality", "series"), [("MR", 1), ("CT", 2)])
def test_volumes_turn_one_after_another_in_one_series_where_the_class_can_tell_them_apart(modality, series, tmp_path):
    along = {"MR": "EffectiveEchoTime", "CT": "NominalCardiacTriggerDelayTime"}[modality]
    source = enhanced(tmp_path, modality, along={along: (4.0, 9.0)})
    made = built(source, into="classic")
    assert len(made.series) == series
    made.write(tmp_path / "out")
    files = sorted((tmp_path / "out").rglob("*.dcm"))
    assert len(files) == 2 * COUNT
    if series == 1:
        assert verified(tmp_path / "out", source).verdict == "SAME"


def test_nothing_follows_on_views_and_they_are_no_volume(classic):
    with pytest.raises(DeriveError, match="OP-VIEWS"):
        derive.build(classic, mip(rotate=4), gaussian_blur(sigma_mm=1.0))
    series = built(classic)
    with pytest.raises(DeriveError, match="SHOW-PICTURES"):
        _ = series.volume
    assert "views" in repr(series)
    assert f"images  {COUNT}" in str(series.plan())


def test_a_stack_that_leans_is_refused(real):
    with pytest.raises(DeriveError, match=r"GEO-(TILT|SPACING)"):
        built(derive.read(real("ct_ge_tilt_irregular_28")))
