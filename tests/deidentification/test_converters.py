"""dcm2niix reads files of Siemens and Philips as before: the same pixels and places, gradients and facts."""

from __future__ import annotations

import json
import subprocess

import pydicom
import pytest

from derive.deidentification.profile.profile import profile_of
from tests.helpers.asserting import each
from tests.helpers.peers import tool
from tests.helpers.went_through import engine, file_through

#: What follows dates and identity, and is not of the private attributes; what dcm2niix reads out of Contributing
#: Equipment; and the memory of the user's own sequences, which nobody can vouch for.
OTHERWISE = {
    "AcquisitionDateTime",
    "ImageComments",
    "InstitutionAddress",
    "InstitutionName",
    "InstitutionalDepartmentName",
    "ManufacturersModelName",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "PatientWeight",
    "ProcedureStepDescription",
    "ProtocolName",
    "ReferringPhysicianName",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SoftwareVersions",
    "StudyID",
    "StudyInstanceUID",
    "WipMemBlock",
}


def converted(folder, into):
    into.mkdir()
    command = [tool("dcm2niix"), "-b", "y", "-ba", "n", "-z", "n", "-f", "%s_%e", "-o", str(into), str(folder)]
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    return {path.name: path for path in into.iterdir()}


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("mr_siemens_mosaic", {"SliceTiming", "PhaseEncodingDirection", "BandwidthPerPixelPhaseEncode"}),
        (
            "mr_siemens_dwi_b0_500_1500",
            {"TotalReadoutTime", "PhaseEncodingDirection", "DiffusionScheme", "ShimSetting"},
        ),
        ("siemens_xa30i_diffusion_maps/tracew", {"BaseResolution", "ReceiveCoilName", "PulseSequenceDetails"}),
        ("siemens_xa60_enh_7t/dwi", {"BaseResolution", "ShimSetting", "ReceiveCoilName", "TxRefAmp"}),
        ("philips_enh_fieldmap_2echo_magphase/dicom", {"PhilipsScaleSlope", "EchoTime", "ScanningSequence"}),
    ],
)
def test_the_conversion_is_the_same(name, facts, real, tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    deidentifier = engine(profile_of("basic", ["safe-private", "modified-dates", "device-identity"]))
    for path in each(sorted(p for p in real(name).rglob("*") if p.is_file() and pydicom.misc.is_dicom(p))):
        (before / path.name).symlink_to(path)
        (after / path.name).write_bytes(file_through(path, deidentifier))
    usual, found = converted(before, tmp_path / "usual"), converted(after, tmp_path / "found")
    assert {*usual} == {*found}
    for name, path in each(usual.items(), 2):
        if path.suffix == ".json":
            wanted, said = json.loads(path.read_text()), json.loads(found[name].read_text())
            assert {k: v for k, v in said.items() if k not in OTHERWISE} == {
                k: v for k, v in wanted.items() if k not in OTHERWISE
            }
            assert facts <= {*said}
        elif path.suffix == ".nii":
            assert without_texts(found[name].read_bytes()) == without_texts(path.read_bytes())
        else:
            assert found[name].read_bytes() == path.read_bytes()


def without_texts(nifti):
    """A NIfTI without its fields of text (descrip, aux_file): 104 bytes from 148 on."""
    return nifti[:148] + nifti[252:]
