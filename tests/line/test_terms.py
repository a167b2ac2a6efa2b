"""Single frames of enhanced images, and the way back: what an IOD demands is told in its terms, or asked for."""

from __future__ import annotations

import pydicom
import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.asserting import raises_code
from tests.helpers.multi_frame import multi_frame
from tests.helpers.peers import dciodvfy_errors, spread

MR = ("ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "EchoTrainLength")
#: Real files, and what their single frames say.
REAL = {
    "philips_balls_enh/dicom/DTI.dcm": (["SE", "EP"], ["SK", "OSP"], "FS", "2D", 27),
    "philips_balls_enh/dicom/T1.dcm": ("GR", ["SK", "SS", "SP", "OSP"], None, "3D", 7),
    "siemens_xa61_enh_dwi/tracew": (["GR", "EP"], "NONE", ["PFP", "FS"], "2D", 37),
}
#: Synthetic ones, and what theirs say that is demanded.
SYNTHETIC = {
    "CT": {"ImageType": ["DERIVED", "SECONDARY", "AXIAL"], "KVP": 120},
    "MR": {"ImageType": ["DERIVED", "SECONDARY", "OTHER"], "ScanningSequence": "SE", "SequenceVariant": "NONE"},
    "PT": {"Units": "BQML", "CountsSource": "EMISSION", "SeriesType": ["STATIC", "IMAGE"], "DecayCorrection": "NONE"},
}


def classic(source, folder):
    """Write single frames of a blurred source; return the files and the first of them."""
    derive.build(source, gaussian_blur(sigma_mm=1), into="classic").write(folder)
    files = sorted(folder.glob("*.dcm"))
    return files, pydicom.dcmread(files[0])


def what(text):
    """Return what an error is, wherever the attribute stands."""
    return text.rpartition(" - ")[2]


def plain(value):
    return list(value) if isinstance(value, pydicom.multival.MultiValue) else value


@pytest.mark.parametrize("name", REAL)
def test_single_frames_of_real_enhanced_images_say_how_they_were_acquired(real, tmp_path, name):
    files, first = classic(
        derive.read(real(name), volumes=[1], stack="magnitude" if "DTI" in name else None), tmp_path / "out"
    )
    assert tuple(plain(first[k].value) if first[k].value else None for k in MR) == REAL[name]
    source = real(name) if real(name).is_file() else next(p for p in sorted(real(name).iterdir()) if p.is_file())
    assert {what(text) for text in dciodvfy_errors(spread(files, 3))} <= {what(t) for t in dciodvfy_errors([source])}


@pytest.mark.parametrize("modality", SYNTHETIC)
def test_single_frames_of_an_enhanced_image_have_what_their_iod_demands(tmp_path, modality):
    multi_frame(modality).save_as(tmp_path / "enhanced.dcm", enforce_file_format=True)
    files, first = classic(derive.read(tmp_path / "enhanced.dcm"), tmp_path / "out")
    assert {k: plain(first[k].value) for k in SYNTHETIC[modality]} == SYNTHETIC[modality]
    assert dciodvfy_errors(spread(files, 3)) == {}


#: What nobody says of a series of single frames, and a person has to say of an enhanced image.
ASKED = {"BurnedInAnnotation": "NO", "LossyImageCompression": "00"}
OF_MR = {"BodyPartExamined": "BRAIN", "ComplexImageComponent": "MAGNITUDE"}


def test_what_an_enhanced_image_demands_and_single_frames_do_not_say_is_asked_for(real, tmp_path):
    source = derive.read(real("mr_ge_axial_20"), assume={"BodyPartExamined": "BRAIN"})
    said = {"ApplicableSafetyStandardAgency": "IEC"}
    with raises_code("ASM-TYPE1") as caught:
        derive.build(source, gaussian_blur(sigma_mm=1), into="enhanced", set=said).write(tmp_path / "out")
    for keyword in ("ComplexImageComponent", *ASKED):
        assert f'assume={{"{keyword}": VALUE}}' in str(caught.value)


def test_an_enhanced_image_of_single_frames_says_what_they_say(real, tmp_path):
    source = derive.read(real("mr_ge_axial_20"), assume=ASKED | OF_MR)
    said = {"ApplicableSafetyStandardAgency": "IEC"}
    derive.build(source, gaussian_blur(sigma_mm=1), into="enhanced", set=said).write(tmp_path / "out")
    (file,) = (tmp_path / "out").glob("*.dcm")
    shared = pydicom.dcmread(file).SharedFunctionalGroupsSequence[0]
    assert shared.FrameAnatomySequence[0].AnatomicRegionSequence[0].CodeMeaning == "Brain"
    assert shared.MREchoSequence[0].EffectiveEchoTime == pytest.approx(float(source.text("EchoTime")))
    assert [text for text in dciodvfy_errors([file]) if "Illegal root" not in text] == [], "but for UIDs of the source"
