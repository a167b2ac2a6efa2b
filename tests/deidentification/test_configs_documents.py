"""Every configuration and rule that the founders' documents show, as it is written there, and what it does."""

from __future__ import annotations

import re
from functools import cache

import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from derive.deidentification.configs.config import Configuration
from derive.deidentification.engine.decide import Question, decided
from derive.deidentification.profile.profile import Profile, options, profile_of
from derive.elements.element import keyword_of
from derive.rewriting.stored import AttributePath
from tests.helpers.asserting import each, every
from tests.helpers.by_hand import image
from tests.helpers.configured import REFERENCE, after, configured
from tests.helpers.methods import instance_of

pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason="the documents of the founders are not at hand")


@cache
def shown() -> tuple[str, ...]:
    """The blocks of code of the study of Google's and Microsoft's, in their order."""
    text = (REFERENCE / "study_of_google_and_microsoft.txt").read_text(encoding="utf-8")
    return tuple(re.findall(r"^ ?```\n(.*?)^ ?```", text, re.DOTALL | re.MULTILINE))


def google(number: int) -> tuple[Configuration, Dataset]:
    config = configured(shown()[number], "google.json")
    return config, after(config)


def test_all_that_is_shown_is_read() -> None:
    """Five of Google's, and one of Microsoft's."""
    assert len([configured(text, "a.json") for text in shown()]) == 6


def test_google_keep_list() -> None:
    """The listed, the class and the pixels stay; UIDs are new; all else goes."""
    _, left = google(0)
    source = image()
    assert left.PatientID == source.PatientID
    assert left.PixelData == source.PixelData
    assert (left.Rows, left.SOPClassUID) == (source.Rows, source.SOPClassUID)
    assert left.SOPInstanceUID != source.SOPInstanceUID
    assert left.StudyInstanceUID != source.StudyInstanceUID
    gone = ("PatientName", "PatientSex", "StudyDate", "KVP", "RequestAttributesSequence", "FrameOfReferenceUID")
    assert every(keyword not in left for keyword in gone)
    assert not [e for e in left if e.tag.is_private or e.tag.group == 0x6000]


def test_google_remove_list() -> None:
    """The listed go, and overlays; all else stays, with new UIDs, private attributes included."""
    _, left = google(1)
    source = image()
    assert "PatientBirthDate" not in left
    assert not [e for e in left if e.tag.group == 0x6000]
    assert left.PatientName == source.PatientName
    assert left.private_block(0x0009, "ACME SECRETS 1")[0x01].value == "Quillfeather Aurelia"
    assert left.SOPInstanceUID != source.SOPInstanceUID
    assert "PatientIdentityRemoved" not in left


def test_google_basic_profile() -> None:
    """It is ours, and claimed."""
    config, left = google(2)
    assert config.profile == profile_of("basic")
    assert left.PatientIdentityRemoved == "YES"
    assert not left.PatientBirthDate


def test_google_tag_contents() -> None:
    """Names of the patient are found in texts of all attributes; what is no text stays."""
    _, left = google(3)
    told = left.to_json()
    assert "Quillfeather" not in told
    assert left.KVP == image().KVP
    assert left.Manufacturer == image().Manufacturer


def test_google_text_in_pictures() -> None:
    """All of it is blanked; the header stays but for UIDs."""
    config, left = google(4)
    assert (config.pixels.ocr, config.pixels.ocr_text) == ("blank", "all")
    assert left.PatientName == image().PatientName


def test_microsoft_draft() -> None:
    """Rules by name and by VR on top of the profile that it names."""
    config, left = after_microsoft()
    source = image()
    assert config.profile.base == "basic"
    assert left.ImageType == source.ImageType
    assert not left.PatientName
    assert re.fullmatch(r"[0-9a-f]{64}", left.PatientID)
    assert left.StudyDate != source.StudyDate
    assert len(left.StudyDate) == 8
    assert "InstitutionName" not in left


def after_microsoft() -> tuple[Configuration, Dataset]:
    config = configured(shown()[5], "microsoft.json")
    return config, after(config)


def test_private_attributes_by_creator() -> None:
    """The rule of the discussion, for a block wherever it has been moved to."""
    text = 'FORMAT dicom\n%header\nREMOVE (0029,"SIEMENS CSA HEADER",09)\nKEEP (0029,"SIEMENS CSA HEADER",10)\n'
    for place in (0x10, 0x27):
        source = image()
        block = source.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
        assert block.block_start == 0x1000
        moved = Dataset()
        moved.update({e.tag: e for e in source if e.tag.group != 0x0029})
        moved.file_meta = source.file_meta
        moved.add_new((0x0029, place), "LO", "SIEMENS CSA HEADER")
        moved.add_new((0x0029, place << 8 | 0x09), "LO", "20211010")
        moved.add_new((0x0029, place << 8 | 0x10), "OB", b"SV10\4\3\2\1")
        left = after(configured(text, "deid.dicom"), moved)
        kept = {(e.tag.element & 0xFF, bytes(str(e.value), "ascii")) for e in left if e.tag.group == 0x0029}
        assert {element for element, _ in kept} == {place, 0x10}
        assert left[0x0029, place].value == "SIEMENS CSA HEADER"


def test_values_of_the_discussion() -> None:
    """``%values`` with one field, and REMOVE of whatever holds its value."""
    text = "FORMAT dicom\n%values manufacturer_values\nFIELD Manufacturer\n\n%header\nREMOVE values:manufacturer_values"
    source = image()
    source.StationName, source.SeriesDescription = "ACME", "an ACMEAN view"
    left = after(configured(text, "deid.dicom"), source)
    assert "Manufacturer" not in left
    assert "StationName" not in left
    assert left.SeriesDescription == source.SeriesDescription
    assert left.PatientName == source.PatientName


@pytest.mark.parametrize("dialect", ["deidentify", "dcm4chee"])
@pytest.mark.parametrize("option", [row.dcm4chee for row in options().values() if row.dcm4chee])
def test_every_option_of_dcm4chee(option: str, dialect: str) -> None:
    """In the standard's reading and in theirs: it is in force, and its code is written."""
    config = configured(f"{dialect}:{option}", "coercion.txt")
    left = after(config)
    (name,) = config.profile.options
    codes = {item.CodeValue: item.CodingSchemeDesignator for item in left.DeidentificationMethodCodeSequence}
    assert codes == {"113100": "DCM", options()[name].code: options()[name].scheme}


def test_the_example_of_dcm4chee() -> None:
    """``deidentify:RetainDeviceIdentityOption,RetainUIDsOption``."""
    text = (REFERENCE / "dcm4chee_deidentify.txt").read_text(encoding="utf-8")
    said = re.findall(r"deidentify:\w+(?:,\w+)*", text)
    left = after(configured(each(said, 6)[0], "coercion.txt"))
    assert left.SOPInstanceUID == image().SOPInstanceUID
    assert left.DeviceSerialNumber == image().DeviceSerialNumber
    assert "InstitutionAddress" not in left


@pytest.mark.parametrize(
    ("page", "pattern", "at_least"),
    [
        ("bimcv_deidentification_slides.txt", r"\b(\w{4}), ?(\w{4}) [A-Z]", 45),
        ("gdcm_writing_dicom.txt", r"> \{0x(\w{4}), 0x(\w{4})\}", 16),
    ],
)
def test_what_a_document_lists_does_not_stay(page: str, pattern: str, at_least: int) -> None:
    """Attributes that the slides and the wiki name: each goes, is emptied, or is replaced, by the Basic Profile."""
    found = re.findall(pattern, (REFERENCE / page).read_text(encoding="utf-8"))
    for group, element in each(found, at_least):
        tag = int(group + element, 16)
        path = AttributePath(tag, dictionary_VR(tag))
        ruling = decided(Question(path, instance_of(), Profile(), "1.2.840.10008.5.1.4.1.1.2"))
        assert ruling.action in ("X", "Z", "D", "U"), keyword_of(tag)
