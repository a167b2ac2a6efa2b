"""What instances become: single frames of multi-frame ones, and the values and the places of the source in all of them.

An identity is derived of real series: whatever form the result has, its values and its places are those of the source.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest

import derive
from derive.model.classes import FORMS, class_derived, class_in_form, in_all_forms
from derive.operations import gaussian_blur
from tests.helpers.asserting import raises_code

#: Multi-frame files of the real data: what they are, and how many frames they have.
MULTI_FRAME = {
    "enhanced_ct_2f/eCT_Supplemental.dcm": 2,
    "legacy_converted_ct/multiframe/mf.dcm": 3,
    "philips_balls_enh/dicom/T1.dcm": 10,
    "enhanced_mr/icometrix+dicom2nifti/tests/data/hyperfine/anatomical/001/001.dcm": 8,
}
CT, ENHANCED_CT, LEGACY_CT = (f"1.2.840.10008.5.1.4.1.1.2{more}" for more in ("", ".1", ".2"))


def unchanged(values):
    """Return the values."""
    return values


def identity(series, **options):
    """Derive an identity."""
    return derive.build(series, unchanged, code="Smoothing", description="as it was", **options)


@pytest.mark.parametrize("name", MULTI_FRAME)
def test_single_frames_of_a_multi_frame_source_have_its_values_and_its_places(real, tmp_path, name):
    source = derive.read(real(name))
    report = identity(source, into="classic").write(tmp_path / "out")
    back = derive.read(tmp_path / "out")
    assert len(report.instances) == len(source.frames) == MULTI_FRAME[name]
    assert back.sop_class_uid == class_in_form(source.sop_class_uid, "classic")
    np.testing.assert_allclose(np.asarray(back), np.asarray(source), atol=report.value_error * 1.001 + 1e-6)
    np.testing.assert_allclose(back.geometry.first_position, source.geometry.first_position, atol=1e-4)
    np.testing.assert_allclose(back.geometry.spacing, source.geometry.spacing, atol=1e-4)


#: What enhanced images have to say, and these single frames do not: a person does.
SAID_OF_CT = {
    "IrradiationEventUID": "1.2.3.4",
    "BodyPartExamined": "CHEST",
    "ImageLaterality": "U",
    "BurnedInAnnotation": "NO",
    "LossyImageCompression": "00",
}
SAID_OF_MR = {
    "ApplicableSafetyStandardAgency": "IEC",
    "ComplexImageComponent": "MAGNITUDE",
    "BurnedInAnnotation": "NO",
    "LossyImageCompression": "00",
}
#: What is made of what: a name, what a person says, into what.
MATRIX = [
    ("ct_small_ge_3", SAID_OF_CT, "enhanced"),
    ("ct_small_ge_3", {}, "classic"),
    ("enhanced_ct_2f", {}, "enhanced"),
    ("legacy_converted_ct/multiframe", {}, None),
    ("philips_balls_enh/dicom/DTI.dcm", {}, "classic"),
    ("philips_balls_enh/dicom/DTI.dcm", {}, "enhanced"),
    ("mr_siemens_dwi_b0_500_1500", {}, "classic"),
    ("mr_siemens_dwi_b0_500_1500", SAID_OF_MR, "enhanced"),
    ("petctmr_ibsi_sts002/PET", {}, None),
]
#: Of what has several stacks, one.
STACKS = {"philips_balls_enh/dicom/DTI.dcm": "magnitude"}


@pytest.mark.parametrize(("name", "said", "into"), MATRIX)
def test_an_identity_has_the_values_and_the_places_of_every_volume(real, tmp_path, name, said, into):
    source = derive.read(real(name), assume=said, stack=STACKS.get(name))
    report = identity(source, into=into).write(tmp_path / "out")
    back = derive.read(tmp_path / "out")
    assert len(back.volumes) == len(source.volumes)
    for one, other in zip(source.volumes, back.volumes, strict=True):
        np.testing.assert_allclose(np.asarray(other), np.asarray(one), atol=report.value_error * 1.001 + 1e-6)
    np.testing.assert_allclose(back.geometry.first_position, source.geometry.first_position, atol=1e-4)
    np.testing.assert_allclose(back.geometry.spacing, source.geometry.spacing, atol=1e-4)
    assert [d.keyword for d in back.dimensions] == [d.keyword for d in source.dimensions]


@pytest.mark.parametrize("name", MULTI_FRAME)
def test_each_refers_to_the_frames_that_it_was_made_of(real, tmp_path, name):
    source = derive.read(real(name))
    derive.build(source, gaussian_blur(sigma_mm=1), into="classic").write(tmp_path / "out")
    there = Counter()
    for path in (tmp_path / "out").iterdir():
        items = pydicom.dcmread(path).SourceImageSequence
        assert {i.ReferencedSOPClassUID for i in items} == {source.sop_class_uid}
        numbers = [n for i in items for n in np.atleast_1d(i.ReferencedFrameNumber)]
        assert len(set(numbers)) == len(numbers)
        there.update(i.ReferencedFrameNumber for i in items if i.SpatialLocationsPreserved == "YES")
    assert there == Counter(range(1, MULTI_FRAME[name] + 1))


def test_the_form_of_a_result_is_that_of_its_source_or_what_was_asked_for():
    assert class_derived(CT, None) == CT
    assert class_derived(ENHANCED_CT, None) == ENHANCED_CT
    assert class_derived(LEGACY_CT, None) == CT
    assert [class_derived(CT, form) for form in FORMS[:2]] == [CT, ENHANCED_CT]
    assert in_all_forms(CT) == {CT, ENHANCED_CT, LEGACY_CT}


def test_a_form_that_there_is_none_of_is_refused(real):
    with raises_code("OPT-FORM"):
        identity(derive.demo_series(), into="modern")
    with raises_code("OPT-FORM"):
        identity(derive.demo_series(), into="legacy-converted")
    with raises_code("OPT-FORM"):
        class_in_form("1.2.840.10008.5.1.4.1.1.7", "enhanced")


def test_operations_say_the_form_on_the_command_line(real, tmp_path, capsys):
    from derive.cli.main import main

    source = real("philips_balls_enh/dicom/T1.dcm")
    words = ["gaussian-blur", str(source), "-o", str(tmp_path / "out"), "--sigma-mm", "1", "--as", "classic", "-q"]
    assert main(words) == 0
    classes = {pydicom.dcmread(p, specific_tags=["SOPClassUID"]).SOPClassUID for p in Path(tmp_path / "out").iterdir()}
    assert classes == {class_in_form(derive.read(source).sop_class_uid, "classic")}
