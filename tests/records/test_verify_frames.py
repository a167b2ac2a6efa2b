"""What is made of multi-frame instances, or of several volumes, is recomputed: sources by instance and frame."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, mip, resample
from tests.helpers.multi_frame import multi_frame
from tests.helpers.verification import edit, verified

CHAINS = {
    "blur": [gaussian_blur(sigma_mm=1.5)],
    "resample": [resample(spacing_mm=(3.0, 3.1, 2.7))],
    "projection": [mip(slab_mm=5.0)],
}
#: Real data of few pixels: classic in several volumes, and multi-frame.
SERIES = {
    "classic-volumes": "mr_siemens_dwi_b0_500_1500",
    "dwi": "siemens_xa60_enh_7t/dwi",
    "legacy": "legacy_converted_ct/multiframe",
    "t2": "philips_balls_enh/dicom/T2.dcm",
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "enhanced.dcm"
    made = multi_frame("MR", slices=5, along={"EffectiveEchoTime": (4.0, 9.0)}, slope=lambda spot: 1.0 + spot.volume)
    made.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("name", SERIES)
def test_classic_images_of_real_frames_and_volumes_are_the_same(name, chain, real, tmp_path):
    report = derive.build(real(SERIES[name]), *CHAINS[chain], into="classic").write(tmp_path / "out")
    found = verified(tmp_path / "out", real(SERIES[name]))
    assert (found.verdict, found.reason) == ("SAME", "")
    assert len(found.images) == len(report.files)


def test_a_source_frame_that_did_not_contribute_is_noticed(source, tmp_path):
    file = derive.build(source, gaussian_blur(sigma_mm=1.0), into="classic").write(tmp_path / "out").files[2]

    def other_frame(dataset):
        item = next(i for i in dataset.SourceImageSequence if i.SpatialLocationsPreserved == "NO")
        item.ReferencedFrameNumber = 10

    edit(file, other_frame)
    found = verified(tmp_path / "out", source)
    (fault, *_) = found.differing[0].faults
    assert (found.verdict, len(found.differing)) == ("DIFFERS", 1)
    assert "frame" in fault


def test_the_volume_of_an_image_is_told_by_its_sources(source, tmp_path):
    files = derive.build(source, gaussian_blur(sigma_mm=1.0), into="classic").write(tmp_path / "out").files
    first, second = (pydicom.dcmread(f) for f in (files[0], files[5]))
    assert first.ImagePositionPatient == second.ImagePositionPatient
    first.PixelData = second.PixelData
    first.save_as(files[0])
    found = verified(tmp_path / "out", source)
    assert [v.place for v in found.images] == list(range(10))
    assert any("holds the pixels of" in fault for fault in found.differing[0].faults)


def test_a_volume_that_lacks_an_image_is_noticed(source, tmp_path):
    files = derive.build(source, gaussian_blur(sigma_mm=1.0), into="classic").write(tmp_path / "out").files
    files[7].unlink()
    found = verified(tmp_path / "out", source)
    assert (found.verdict, found.reason) == ("DIFFERS", "not there: 1 image that the steps make")
