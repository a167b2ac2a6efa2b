"""The same pixels in another form are verified against what they were, and explained as that."""

from __future__ import annotations

import shutil

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.asserting import each, every
from tests.helpers.multi_frame import multi_frame
from tests.helpers.verification import edit, verified

FORMS = {
    "ct-legacy": ("ct_small_ge_3", "legacy-converted", 3),
    "pet-legacy": ("petctmr_ibsi_sts002/PET", "legacy-converted", 48),
    "volumes-legacy": ("mr_siemens_dwi_b0_500_1500", "legacy-converted", 39),
    "mr-classic": ("siemens_xa60_enh_7t/dwi", "classic", 70),
    "stacks-classic": ("philips_balls_enh/dicom/fieldmap.dcm", "classic", 20),
    "legacy-classic": ("legacy_converted_ct/multiframe", "classic", 3),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_frame_is_what_it_was(name, real, tmp_path):
    path, into, frames = FORMS[name]
    derive.convert(real(path), into=into).write(tmp_path / "out")
    found = verified(tmp_path / "out", real(path))
    assert (found.verdict, found.reason, found.steps) == ("SAME", "", ())
    assert len(found.images) == frames == found.sources[2]
    assert sorted(v.place for v in found.images) == list(range(frames))
    explained = derive.explain(tmp_path / "out")
    assert not [e.keyword for e in explained.attributes if e.action == "unexplained" and not e.tag >> 16 & 1]
    assert any("in another form" in note for note in explained.notes)


@pytest.fixture
def there_and_back(tmp_path):
    """An Enhanced CT of two volumes, and single-frame images of it."""
    made = multi_frame("CT", slices=4, along={"TemporalPositionIndex": (1, 2)}, slope=lambda spot: 1.0 + spot.volume)
    (tmp_path / "source").mkdir()
    made.save_as(tmp_path / "source" / "ct.dcm", enforce_file_format=True)
    derive.convert(tmp_path / "source", into="classic").write(tmp_path / "classic")
    return tmp_path


def test_an_enhanced_image_names_all_at_once_and_each_frame_is_found(there_and_back):
    (file,) = derive.convert(there_and_back / "classic", into="enhanced").write(there_and_back / "again").files
    assert verified(there_and_back / "again", there_and_back / "classic").verdict == "SAME"

    def exchanged(dataset):
        pixels, size = dataset.PixelData, dataset.Rows * dataset.Columns * 2
        dataset.PixelData = pixels[size : 2 * size] + pixels[:size] + pixels[2 * size :]

    edit(file, exchanged)
    found = verified(there_and_back / "again", there_and_back / "classic")
    assert (found.verdict, len(found.differing)) == ("DIFFERS", 2)
    assert every("stored values differ" in v.faults[0] for v in found.differing)


def moved(dataset):
    dataset.ImagePositionPatient[2] += 1


def rescaled(dataset):
    dataset.RescaleSlope = 2.5


def other_pixel(dataset):
    dataset.PixelData = bytes([dataset.PixelData[0] ^ 1, *dataset.PixelData[1:]])


def other_frame(dataset):
    dataset.ConversionSourceAttributesSequence[0].ReferencedFrameNumber = 8


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (moved, "lies 1 mm off"),
        (rescaled, "has rescale"),
        (other_pixel, "1 of "),
        (other_frame, "lies"),
    ],
)
def test_what_is_not_as_it_was_is_told(change, fault, there_and_back):
    edit(there_and_back / "classic" / "IM00002.dcm", change)
    found = verified(there_and_back / "classic", there_and_back / "source")
    (wrong,) = found.differing
    assert (found.verdict, wrong.name) == ("DIFFERS", "IM00002.dcm")
    assert any(text.startswith(fault) for text in wrong.faults), wrong.faults


def test_sources_are_found_beside_and_missed_where_they_are_not(there_and_back):
    assert verified(there_and_back / "classic").verdict == "SAME"
    shutil.rmtree(there_and_back / "source")
    found = verified(there_and_back / "classic")
    assert found.verdict == "NOT-RECOMPUTABLE"
    assert "1 of 1 source images are not at hand" in found.reason


def test_a_frame_that_is_in_no_image_is_told(there_and_back):
    (there_and_back / "classic" / "IM00003.dcm").unlink()
    found = verified(there_and_back / "classic", there_and_back / "source")
    assert found.verdict == "SAME"
    assert found.notes[-1] == "1 frame of the source images are in none of these"


def test_what_is_derived_of_a_converted_series_is_recomputed(there_and_back):
    files = derive.build(there_and_back / "classic", gaussian_blur(sigma_mm=1.0)).write(there_and_back / "out").files
    assert "ConversionSourceAttributesSequence" not in pydicom.dcmread(files[0])
    for volume in each(sorted((there_and_back / "out").iterdir()), 2):  # a CT in time is a series each
        found = verified(volume, there_and_back / "classic")
        assert (found.verdict, len(found.steps)) == ("SAME", 1)
