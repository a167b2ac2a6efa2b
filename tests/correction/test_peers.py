"""What another validator says of corrected objects: nothing that it did not say of their originals."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import derive
from tests.helpers.asserting import each
from tests.helpers.peers import dciodvfy_errors, spread, tool

#: A file of each kind.
SOURCES = {
    "CT": "ct_small_ge_3",
    "MR": "mr_siemens_multiecho",
    "PET": "petctmr_ibsi_sts002/PET/image/000000.dcm",
    "Enhanced CT": "enhanced_ct_2f",
    "Enhanced MR of Philips": "philips_balls_enh",
    "Enhanced MR of Siemens": "siemens_xa30i_diffusion_maps",
    "Legacy Converted Enhanced CT": "legacy_converted_ct/multiframe/mf.dcm",
    "NM": "nm_13frame",
    "XA": "xa_rubo_96f",
    "US and SR": "us_regions_philips_sr",
    "SC": "ct_philips_exam_summary_SC",
    "PR": "deid_references_orthanc/2019-03-28/PR000000.dcm",
    "Comprehensive SR": "pydicom_test_files/test_files/test-SR.dcm",
    "SEG": "pydicom_test_files/test_files/liver_1frame.dcm",
    "RT Structure Set": "pydicom_test_files/test_files/rtstruct.dcm",
    "RT Dose": "pydicom_test_files/test_files/rtdose.dcm",
    "ECG": "pydicom_test_files/test_files/waveform_ecg.dcm",
}
_NONCONFORMING = "/NonconformingModifiedAttributesSequence(0400,0551)> - Bad "
_OLD = "/ModifiedAttributesSequence(0400,0550)/"
SAID = {
    "values": {
        "set": {"PatientName": "Roe^Ann", "PatientID": "4711", "AccessionNumber": "A1"},
        "remove": ["StationName"],
        "move": True,
        "reason": "COERCE",
    },
    "new UIDs": {"new_uids": True},
    "character set": {"character_set": "ISO_IR 192", "text_is": "ISO_IR 100"},
    "mended": {"mend": True, "set": {"PatientComments": "mended"}},
}


@pytest.mark.parametrize("asked", sorted(SAID))
@pytest.mark.parametrize("kind", sorted(SOURCES))
def test_dciodvfy_finds_no_new_error(kind, asked, real, tmp_path):
    tool("dciodvfy")
    source = real(SOURCES[kind])
    files = [source] if source.is_file() else sorted(p for p in source.rglob("*") if p.is_file())
    files = spread([p for p in files if _is_object(p)], 1)
    derive.correct(files, **SAID[asked], reidentify=True).write(tmp_path / "out")
    made = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert len(each(made)) == len(files)
    before, after = dciodvfy_errors(files), dciodvfy_errors(made)
    assert not [text for text in after - before if not _is_of_old_values(text, before)]


def _is_of_old_values(text: str, before: Counter[str]) -> bool:
    """Whether an error is one of what was there, which now stands in Original Attributes too.

    An illegal UID is said where it stands now; and a content tree that stands there whole (PS3.3 C.12.1.1.9) is held
    against the evidence of the item around it, which has none. Several values that were not legal stand in as many
    items (PS3.3 C.12.1: one or more), of which dciodvfy allows one.
    """
    return _OLD in text or _NONCONFORMING in text or (text.startswith("Illegal root for UID") and text in before)


def _is_object(path: Path) -> bool:
    return path.read_bytes()[128:132] == b"DICM" or path.suffix in ("", ".dcm")
