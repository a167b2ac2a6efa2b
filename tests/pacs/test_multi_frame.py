"""Multi-frame instances go to an archive and come back as they were, with what is private in their groups."""

from __future__ import annotations

import pytest
from pydicom import dcmread

import derive
from derive.pacs.verify import pixel_digest
from tests.helpers.servers import orthanc

EMRI = "enhanced_mr/pydicom+pydicom-data/data_store/data"
SENT = {
    "enhanced-ct": "enhanced_ct_2f",
    "one-instance-a-volume": "siemens_xa60_enh_7t/dwi",
    "legacy-converted": "legacy_converted_ct/multiframe",
    "private-groups": "philips_balls_enh/dicom/DTI.dcm",
    "fragments": f"{EMRI}/emri_small_RLE.dcm",
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    with orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


def files_in(path):
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


@pytest.mark.parametrize("way", ["DIMSE", "DICOMweb"])
@pytest.mark.parametrize("name", SENT)
def test_multi_frame_instances_come_back_as_they_were(name, way, archive, real, tmp_path):
    sent = {dcmread(f, stop_before_pixels=True).SOPInstanceUID: f for f in files_in(real(SENT[name]))}
    target = archive.address if way == "DIMSE" else archive.url
    report = derive.send(list(sent.values()), target, verify="pixels")
    assert report.ok, str(report)
    (series,) = {str(dcmread(f, stop_before_pixels=True).SeriesInstanceUID) for f in sent.values()}
    fetched = derive.fetch(target, tmp_path / "back", series_uid=series)
    back = {dcmread(f, stop_before_pixels=True).SOPInstanceUID: f for f in files_in(fetched.folder)}
    assert back.keys() == sent.keys()
    for uid, file in sent.items():
        assert dcmread(back[uid]) == dcmread(file)  # the archive writes lengths of items its own way


def test_pixels_are_the_same_in_any_byte_order(real):
    files = [real(f"{EMRI}/emri_small{kind}.dcm") for kind in ("", "_RLE", "_big_endian", "_jpeg_2k_lossless")]
    assert len({pixel_digest(f.read_bytes()) for f in files}) == 1
