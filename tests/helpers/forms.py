"""Frames of a series whatever its form: what they hold, where they lie, and which of them became which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom

from derive.model.source import Attributes
from derive.reading.whole import read_whole

#: Multi-frame files of the real data: what they are, and how many frames they have.
MULTI_FRAME = {
    "enhanced_ct_2f/eCT_Supplemental.dcm": 2,
    "legacy_converted_ct/multiframe/mf.dcm": 3,
    "philips_balls_enh/dicom/DTI.dcm": 80,
    "philips_balls_enh/dicom/fieldmap.dcm": 20,
    "enhanced_mr/icometrix+dicom2nifti/tests/data/hyperfine/anatomical/001/001.dcm": 8,
    "enhanced_mr/icometrix+dicom2nifti/tests/data/siemens_multiframe/anatomical/001/IM-0001-0001-0001.dcm": 8,
    "siemens_xa61_enh_dwi/dwi": 70,
    "siemens_xa60_enh_7t/dwi": 70,
}


def files_of(folder: Path) -> list[Path]:
    """All files of a folder, or the file itself."""
    return sorted(p for p in folder.rglob("*") if p.is_file()) if folder.is_dir() else [folder]


def pairs(before: Attributes, folder: Path) -> list[tuple[int, int]]:
    """Which frame of a converted series is which frame of the source, as its references say."""
    places = {(f.reference.sop_instance_uid, f.number): i for i, f in enumerate(before.frames)}
    after = read_whole(folder)
    found = []
    for k, frame in enumerate(after.frames):
        items = after.value("ConversionSourceAttributesSequence", k)
        item = items[0] if len(items) == 1 else items[frame.number - 1]  # of the instance, in the order of its frames
        key = item.ReferencedSOPInstanceUID, int(item.get("ReferencedFrameNumber", 1))
        found.append((places[key], k))
        assert frame.reference.sop_instance_uid != key[0]
    return found


def assert_same_frames(before: Attributes, folder: Path) -> Attributes:
    """Every frame of the source is there once: stored values, rescale, padding, bits and plane to the last digit."""
    after = read_whole(folder)
    found = pairs(before, folder)
    assert sorted(i for i, _ in found) == list(range(len(before.frames)))
    for i, k in found:
        one, other = before.frames[i], after.frames[k]
        np.testing.assert_array_equal(one.stored_values(), other.stored_values())
        assert (one.rescale, one.padding, one.stored_range) == (other.rescale, other.padding, other.stored_range)
        assert one.plane == other.plane
    return after


def header(path: Path) -> pydicom.Dataset:
    """Its attributes without pixels."""
    return pydicom.dcmread(path, stop_before_pixels=True)
