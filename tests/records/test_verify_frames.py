"""What is made of multi-frame instances, or of several volumes, is recomputed: sources by instance and frame."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur, mip, reformat, resample
from tests.helpers.multi_frame import multi_frame
from tests.helpers.verification import edit, verified

CHAINS = {
    "blur": [gaussian_blur(sigma_mm=1.5)],
    "resample": [resample(spacing_mm=(3.0, 3.1, 2.7))],
    "reformat": [reformat(normal=(0.1, 0.6, 0.8), spacing_mm=5.0, thickness_mm=6.0)],
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
    assert sorted(v.place for v in found.images[:5]) == list(range(5))
    assert sorted(v.place for v in found.images[5:]) == list(range(5, 10))
    assert any("holds the pixels of" in fault for fault in found.differing[0].faults)


def test_a_volume_that_lacks_an_image_is_noticed(source, tmp_path):
    files = derive.build(source, gaussian_blur(sigma_mm=1.0), into="classic").write(tmp_path / "out").files
    files[7].unlink()
    found = verified(tmp_path / "out", source)
    assert (found.verdict, found.reason) == ("DIFFERS", "not there: 1 image that the steps make")


#: What is chosen of a series, and how many frames that is.
CHOICES = {
    "one-volume": ("siemens_xa60_enh_7t/dwi", {"volumes": 3}, 10),
    "two-volumes": ("siemens_xa60_enh_7t/dwi", {"volumes": (2, 5)}, 20),
    "a-value": ("siemens_xa60_enh_7t/dwi", {"where": {"DiffusionBValue": 1000}}, 60),
    "a-stack": ("philips_balls_enh/dicom/fieldmap.dcm", {"stack": "magnitude"}, 10),
    "frames": ("legacy_converted_ct/multiframe", {"frames": "1-2"}, 2),
    "classic-volume": ("mr_siemens_dwi_b0_500_1500", {"volumes": 7}, 3),
}


@pytest.mark.parametrize("name", CHOICES)
def test_what_was_chosen_of_a_series_is_found_by_what_its_result_names(name, real, tmp_path):
    folder, choice, count = CHOICES[name]
    derive.build(derive.read(real(folder), **choice), *CHAINS["blur"], into="classic").write(tmp_path / "out")
    found = verified(tmp_path / "out", real(folder))
    assert (found.verdict, found.reason) == ("SAME", "")
    assert found.sources[2] >= count
    explained = derive.explain(tmp_path / "out", sources=real(folder))
    assert explained.differing == ()
    assert (explained.source_images or 0) >= count


@pytest.mark.parametrize("name", ["siemens_xa60_enh_7t/dwi", "enhanced_ct_2f"])
@pytest.mark.parametrize("chain", CHAINS)
def test_multi_frame_results_are_the_same_and_explained(name, chain, real, tmp_path):
    report = derive.build(real(name), *CHAINS[chain]).write(tmp_path / "out")
    found = verified(tmp_path / "out", real(name))
    assert (found.verdict, found.reason) == ("SAME", "")
    frames = sum(int(pydicom.dcmread(f, stop_before_pixels=True).NumberOfFrames) for f in report.files)
    assert len(found.images) == frames
    explained = derive.explain(tmp_path / "out", sources=real(name))
    assert (explained.images, explained.differing) == (frames, ())
    assert not [e.keyword for e in explained.attributes if e.action == "unexplained"]
    of = {e.keyword: e for e in explained.of_frame(2).attributes}
    assert of["DerivationImageSequence"].action == "recomputed"
    assert not of["PlanePositionSequence"].varies


def test_a_frame_of_a_result_that_was_changed_is_named(real, tmp_path):
    (file,) = derive.build(real("enhanced_ct_2f"), *CHAINS["blur"]).write(tmp_path / "out").files

    def other_pixel(dataset):
        pixels = bytearray(dataset.PixelData)
        pixels[-2] ^= 4
        dataset.PixelData = bytes(pixels)

    edit(file, other_pixel)
    (wrong,) = verified(tmp_path / "out", real("enhanced_ct_2f")).differing
    assert (wrong.voxels, wrong.largest) == (1, 4.0)
    assert wrong.name.endswith(", frame 2")


def test_a_frame_that_names_another_source_frame_is_noticed(real, tmp_path):
    (file,) = derive.build(real("enhanced_ct_2f"), *CHAINS["blur"]).write(tmp_path / "out").files

    def other_frame(dataset):
        for item in dataset.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence:
            item.ReferencedFrameNumber = 2

    edit(file, other_frame)
    found = verified(tmp_path / "out", real("enhanced_ct_2f"))
    assert [v.name.rpartition(", ")[2] for v in found.differing] == ["frame 1"]


def test_a_result_in_parts_is_verified_and_explained_as_one(real, tmp_path, monkeypatch):
    path = real("siemens_xa60_enh_7t/dwi")
    monkeypatch.setattr("derive.authoring.concatenation.MOST_BYTES", 4 * 64 * 64 * 2)
    report = derive.build(derive.read(path, volumes=(2, 3)), *CHAINS["blur"]).write(tmp_path / "out")
    assert len(report.files) == 6
    assert verified(tmp_path / "out", path).verdict == "SAME"
    explained = derive.explain(tmp_path / "out", sources=path)
    assert (explained.images, explained.instances, explained.differing) == (20, 6, ())
    assert not [e.keyword for e in explained.attributes if e.action == "unexplained"]
    report.files[1].unlink()
    found = verified(tmp_path / "out", path)
    assert found.reason.startswith("not there: ")
    assert found.sources[2] == 20
