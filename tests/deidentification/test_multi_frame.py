"""Multi-frame objects are de-identified in their functional groups too, and are still the volumes that they were."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import derive
from tests.helpers.asserting import every
from tests.helpers.multi_frame import frames_items, multi_frame

CHOSEN = {
    "enhanced_ct_2f": {},
    "siemens_xa60_enh_7t/dwi": {},
    "philips_enh_fieldmap_2echo_magphase/dicom": {"stack": "phase"},
    "philips_enh_asl_multidelay/dicom/301_ASL_MultiPhase_real.dcm": {},
    "legacy_converted_ct/multiframe": {},
}


def values(dataset):
    """Give every value below a data set."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from values(item)
        else:
            yield from (str(v) for v in (element.value if element.VM > 1 else [element.value]))


@pytest.mark.parametrize("name", CHOSEN)
def test_volumes_are_told_apart_as_before(name, real, tmp_path):
    assert derive.deidentify(real(name), tmp_path / "out").ok
    before, after = (derive.read(p, **CHOSEN[name]) for p in (real(name), tmp_path / "out"))
    assert [d.keyword for d in after.dimensions] == [d.keyword for d in before.dimensions]
    for one, other in zip(before.volumes, after.volumes, strict=True):
        np.testing.assert_array_equal(one.array, other.array)
    assert derive.deid_check(real(name), tmp_path / "out").ok


@pytest.mark.parametrize("name", ["siemens_xa60_enh_7t/dwi", "philips_balls_enh/dicom/DTI.dcm"])
def test_nothing_private_and_no_identifier_is_left_in_a_group(name, real, tmp_path):
    derive.deidentify(real(name), tmp_path / "out")
    paths = sorted(real(name).iterdir()) if real(name).is_dir() else [real(name)]
    uids = {v for p in paths for v in values(pydicom.dcmread(p, stop_before_pixels=True)) if v.startswith("1.3.")}
    files = [pydicom.dcmread(f, stop_before_pixels=True) for f in sorted((tmp_path / "out").rglob("*.dcm"))]
    for dataset in files:
        private = [item for item in frames_items(dataset) if any(e.tag.is_private for e in item)]
        assert private == []
        assert not uids & set(values(dataset))
        assert every(
            str(f.FrameContentSequence[0].FrameAcquisitionDateTime).startswith("1900") for f in frames_items(dataset)
        )


def test_dates_of_frames_are_shifted_as_one_where_they_stay(tmp_path):
    dataset = multi_frame("MR", slices=3)
    for number, item in enumerate(frames_items(dataset)):
        item.FrameContentSequence[0].FrameAcquisitionDateTime = f"2024010203040{number}"
    dataset.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    derive.deidentify(tmp_path / "a.dcm", tmp_path / "out", retain=["modified-dates"])
    (file,) = (tmp_path / "out").rglob("*.dcm")
    times = [str(f.FrameContentSequence[0].FrameAcquisitionDateTime) for f in frames_items(pydicom.dcmread(file))]
    assert len({t[:8] for t in times}) == 1
    assert not times[0].startswith("20240102")
    assert [t[8:14] for t in times] == ["030400", "030401", "030402"]
