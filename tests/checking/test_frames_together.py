"""Frames of several instances and of long ones: concatenations, volumes of a series, pixels in places."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

import derive
from derive.checking import Finding, check
from derive.operations import gaussian_blur
from tests.helpers.asserting import each
from tests.helpers.multi_frame import concatenation, frames_items, multi_frame, only_frames

ECHOES = {"EffectiveEchoTime": (10.0, 20.0)}


def written(folder: Path, datasets: list[Dataset]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, dataset in enumerate(datasets, 1):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def codes_of(findings: tuple[Finding, ...]) -> set[str]:
    return {f.code for f in findings}


def test_a_concatenation_is_one_image(tmp_path):
    parts = concatenation(multi_frame("CT", slices=6), (0, 1), (2, 3), (4, 5))
    assert check(written(tmp_path / "whole", parts)).findings == ()


def test_a_part_that_is_missing_is_named(tmp_path):
    first, _, last = concatenation(multi_frame("CT", slices=6), (0, 1), (2, 3), (4, 5))
    found = check(written(tmp_path / "cut", [first, last])).findings
    assert codes_of(found) == {"CHK-CONCATENATION", "CHK-DIM-GAP", "CHK-SERIES-GAP"}
    assert "lacks the parts 2 of 3" in next(f.message for f in found if f.code == "CHK-CONCATENATION")


@pytest.mark.parametrize(
    ("keyword", "value", "words"),
    [
        ("ConcatenationFrameOffsetNumber", 1, "the parts before it have 2 frames"),
        ("InConcatenationTotalNumber", 4, "is 3 and 4"),
        ("InConcatenationNumber", 1, "is 1 in 2 parts"),
        ("SOPInstanceUIDOfConcatenationSource", "1.2.3", "differs within a concatenation"),
    ],
)
def test_parts_that_contradict_each_other_are_named(keyword, value, words, tmp_path):
    parts = concatenation(multi_frame("MR", slices=6), (0, 1), (2, 3), (4, 5))
    setattr(parts[1], keyword, value)
    found = [f for f in check(written(tmp_path / "parts", parts)).findings if f.code == "CHK-CONCATENATION"]
    assert any(words in f.message for f in found)
    assert {f.severity for f in found} == {"error"}


def test_volumes_in_instances_of_their_own_are_no_repetition(tmp_path):
    dataset = multi_frame("MR", slices=3, along=ECHOES)
    assert check(
        written(tmp_path / "two", [only_frames(dataset, (0, 1, 2), 1), only_frames(dataset, (3, 4, 5), 2)])
    ).ok()


def test_frames_at_one_place_that_nothing_tells_apart_are_named(tmp_path):
    dataset = multi_frame("MR", slices=3, along=ECHOES)
    for item in dataset.PerFrameFunctionalGroupsSequence[3:]:
        item.FrameContentSequence[0].DimensionIndexValues[2] = 1
        item.MREchoSequence[0].EffectiveEchoTime = 10.0
    found = check(written(tmp_path / "same", [dataset])).findings
    assert codes_of(found) == {"CHK-SERIES-SAME", "CHK-DIM-TWICE"}
    assert "frame 1 of" in next(f.message for f in found if f.code == "CHK-SERIES-SAME")


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless]
)
def test_frames_are_checked_however_they_are_encoded(syntax, tmp_path):
    dataset = multi_frame("CT")
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    if syntax == RLELossless:
        dataset.compress(RLELossless)
    dataset.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "encoded.dcm"
    little = syntax != ExplicitVRBigEndian
    dataset.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=little, enforce_file_format=True)
    assert check(path).findings == ()


def test_values_of_one_frame_that_its_bits_cannot_hold_are_found(tmp_path):
    dataset = multi_frame("CT", slices=5)
    words = np.frombuffer(dataset.PixelData, "<u2").copy()
    words[dataset.Rows * dataset.Columns * 4] = 0x4000
    dataset.PixelData, dataset.BitsStored, dataset.HighBit = words.tobytes(), 12, 11
    assert codes_of(check(written(tmp_path / "bits", [dataset])).findings) == {"CHK-PIXEL-BITS"}


@pytest.mark.parametrize("change", [-2, 2])
def test_frames_that_are_longer_or_shorter_than_their_pixels_are_found(change, tmp_path):
    dataset = multi_frame("CT", slices=5)
    dataset.PixelData = dataset.PixelData[:change] if change < 0 else dataset.PixelData + b"\0" * change
    assert codes_of(check(written(tmp_path / "long", [dataset])).findings) == {"CHK-PIXEL-LENGTH"}


def test_a_long_file_costs_a_frame(tmp_path):
    dataset = multi_frame("CT", slices=80, shape=(256, 256))
    path = written(tmp_path / "many", [dataset]) / "1.dcm"
    size = path.stat().st_size
    del dataset
    tracemalloc.start()
    try:
        assert check(path).findings == ()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size / 2


#: Errors of real files that dciodvfy finds too, by the folder, and no others.
REAL = {
    "enhanced_ct_2f": set(),
    "philips_balls_enh": {"CHK-DIM-START"},
    "philips_enh_asl_multidelay": set(),
    "siemens_xa61_enh_dwi/dwi": {"CHK-TYPE1", "CHK-CONDITION"},
    "siemens_xa60_enh_7t/dwi": {"CHK-CONDITION"},
}


@pytest.mark.parametrize("folder", REAL)
def test_no_error_is_found_in_real_files_that_the_validator_has_not(folder, real):
    paths = each([p for p in sorted(real(folder).rglob("*")) if p.is_file() and is_enhanced(p)])
    assert {f.code for f in check(paths).errors} == REAL[folder]


def is_enhanced(path: Path) -> bool:
    try:
        dataset = dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID", "NumberOfFrames"])
    except Exception:  # some files beside them are no DICOM
        return False
    return "Enhanced" in dataset.SOPClassUID.name


def referring_to(source: Dataset, number: int, into: str) -> Dataset:
    """A derived image of one form, the first reference of which is to a frame of `source`."""
    series = derive.build([source], gaussian_blur(sigma_mm=1.0), into=into)
    first = next(series.instances())
    holder = first if into == "classic" else frames_items(first)[0].DerivationImageSequence[0]
    holder.SourceImageSequence[0].ReferencedFrameNumber = number
    return first


@pytest.mark.parametrize("into", ["classic", "enhanced"])
def test_a_reference_to_a_frame_that_there_is_not_is_named_wherever_the_instance_lies(into, tmp_path):
    source = multi_frame("CT", slices=6)
    for name, number in (("right", 6), ("wrong", 7)):
        folder = written(tmp_path / name, [referring_to(source, number, into), source])
        found = [f for f in check(folder).findings if f.code == "CHK-REFERENCE-RANGE"]
        assert [f.message for f in found] == ([f"is 7, and {source.SOPInstanceUID} has 6 frames"] * (number > 6))
        assert [f.path.rpartition(">")[2] for f in found] == ["ReferencedFrameNumber"] * (number > 6)
    alone = written(tmp_path / "alone", [referring_to(source, 7, into)])
    assert "CHK-REFERENCE-RANGE" not in codes_of(check(alone).findings), "nobody knows how many it has"
