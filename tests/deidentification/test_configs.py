"""Configurations in the forms that people have them: what each says, and what becomes of an image."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from derive.deidentification.configs import site
from derive.deidentification.configs.read import config_of, read_config
from derive.deidentification.pixels.box import Box
from derive.deidentification.private.entries import PrivateEntry
from derive.deidentification.profile.profile import Transformation, profile_of
from tests.helpers.asserting import every
from tests.helpers.by_hand import code, image
from tests.helpers.configured import after, configured

#: As Microsoft ships it, cut down to one rule of each form; its key is the length of a good one.
SHIPPED = """{
    "rules": [
        {"tag":"(0008,0050)", "method":"redact"},
        {"tag":"0008,0081", "method":"remove"},
        {"tag":"0040A123", "method":"cryptoHash"},
        {"tag":"(60xx,3000)", "method":"remove"},
        {"tag":"(0020,000D)", "method":"refreshUID"},
        {"tag":"StudyDescription", "method":"substitute", "params":{"replaceWith": "ANONY"}}, // a comment
        {"tag":"SeriesDescription", "method":"substitute"},
        {"tag":"(0010,1030)", "method":"perturb", "setting":"perturbCustomerSetting"},
        {"tag":"DA", "method":"dateshift"},
        {"tag":"DT", "method":"dateshift"},
        {"tag":"xxx9,xxxx", "method": "remove"},
    ],
    "defaultSettings": {
        "perturb": {"span": 1, "roundTo": 2, "rangeType": "Proportional"},
        "dateShift": {"dateShiftKey": "a key of sixteen", "dateShiftScope": "SeriesInstance", "dateShiftRange": 50},
        "cryptoHash": {"cryptoHashKey": "a key of sixteen"},
        "redact": {"enablePartialAgesForRedact": false, "enablePartialDatesForRedact": false},
        "encrypt": {"encryptKey": "123456781234567812345678"},
        "substitute": {"replaceWith": "ANONYMOUS"}
    },
    "customSettings": {"perturbCustomerSetting": {"span": "10", "roundTo": 0, "rangeType": "Fixed"}}
}"""
RECIPE = """FORMAT dicom

%fields patient_info
FIELD PatientID
FIELD startswith:Accession

%values names
SPLIT PatientName by="^";minlength=4
FIELD PatientID

%filter graylist
LABEL Dose # (somebody)
  contains Manufacturer ACME
  coordinates 0,0,4,2

%header
BLANK contains:Time
REMOVE endswith:Date
KEEP StudyDate                      # of two actions the one that keeps more holds
REPLACE fields:patient_info unknown
REPLACE StationName "THE STATION"
JITTER AcquisitionDateTime -31
ADD PatientIdentityRemoved YES
ADD PatientComments "cleaned by hand"
REMOVE values:names
REMOVE select:VR:SH
REMOVE select:group:0088
REMOVE contains:UID
REPLACE FrameOfReferenceUID deid_func:pydicom_uuid
"""


def test_microsoft_as_it_ships() -> None:
    """Every form of an address, defaults, settings by name and in the rule; what no rule names stays."""
    config = configured(SHIPPED, "configuration.json")
    assert config.key == "a key of sixteen"
    left, source = after(config), image()
    assert not left.AccessionNumber
    assert "InstitutionAddress" not in left
    assert (left.StudyDescription, left.SeriesDescription) == ("ANONY", "ANONYMOUS")
    assert left.StudyInstanceUID != source.StudyInstanceUID
    assert (left.SOPInstanceUID, left.PatientName) == (source.SOPInstanceUID, source.PatientName)
    assert abs(float(left.PatientWeight) - 61.5) <= 5.5
    assert float(left.PatientWeight).is_integer()
    assert left.StudyDate != source.StudyDate
    assert str(left.AcquisitionDateTime)[8:14] == "000000"
    assert not [e for e in left if e.tag.group == 0x0009]
    assert left[0x6000, 0x0022].value == "Quillfeather"


@pytest.mark.parametrize(
    "text",
    [
        '{"rules": [{"Tag": "DA", "Method": "DateShift", "Params": {"DateShiftRange": "50"}}]}',
        '{"rules": [{"VR": "DA", "method": "dateshift", "params": {"dateShiftRange": "50"}}]}',
        '{"rules": [{"tag": "DA", "method": "dateShift"}], '
        '"defaultSettings": [{"dateShift": {"dateShiftRange": "50"}},]}',
        '{"rules": [{"tag": "DA", "method": "dateshift", "setting": "mine"}], "customizedSettings": '
        '[{"mine": {"DateShiftRange": 50}}], "profiles": ["KEEP_ALL_PROFILE",]}',
        '{"DicomVRRules": [{"name": "DA", "method": "dateshift"}], "parameters": {"dateShiftRange": 50}}',
        '{"rules": [{"tag": "DA", "method": "DATESHIFT"}], '
        '"defaultSettings": [{"dateShiftDefautSetting": {"dateShiftRange": "50"}}]}',
    ],
)
def test_the_forms_of_microsofts_settings(text: str) -> None:
    """Shipped and drafted."""
    (rule,) = configured(text, "c.json").profile.rules
    assert (rule.address.text, rule.method) == ("DA", "dateShift")
    assert rule.settings == {"range": "-50..50", "dialect": "microsoft"}


def test_a_recipe_of_deid() -> None:
    """Expanders, groups, values, the order of actions, what is added, and what a file cannot be without."""
    config = configured(RECIPE, "deid.dicom")
    left, source = after(config), image()
    assert left.StudyDate == source.StudyDate
    assert "SeriesDate" not in left
    assert not left.StudyTime
    assert (left.PatientID, left.AccessionNumber) == ("unknown", "unknown")
    assert left.StationName == "THE STATION"
    assert left.AcquisitionDateTime == "20200203091530.5+0100"
    assert (left.PatientIdentityRemoved, left.PatientComments) == ("YES", "cleaned by hand")
    assert every(
        keyword not in left for keyword in ("StudyDescription", "ProtocolName", "StudyID", "IconImageSequence")
    )
    assert left.SOPClassUID == source.SOPClassUID
    assert left.SOPInstanceUID != source.SOPInstanceUID
    assert left.FrameOfReferenceUID not in ("", source.FrameOfReferenceUID)
    assert not [e for e in left if e.tag.is_private]
    assert [t.boxes for t in config.pixels.templates] == [(Box(0, 0, 4, 2),)]


def test_what_a_recipe_has_from_outside_a_run_has_itself() -> None:
    """A patient's new name, the shift of the patient's dates, new UIDs."""
    lines = [
        "REPLACE PatientID var:entity_id",
        "JITTER endswith:Date var:jitter",
        "JITTER AcquisitionDateTime deid_func:jitter days=2 years=-1",
        "REPLACE FrameOfReferenceUID func:generate_uid",
    ]
    left = after(configured("\n".join(["FORMAT dicom", "%header", *lines]), "deid.dicom"))
    assert left.PatientID not in ("", "MRN778812X", "var:entity_id")
    assert left.StudyDate == left.SeriesDate != "20200305"
    assert left.AcquisitionDateTime == "20190308091530.5+0100"
    assert left.FrameOfReferenceUID.startswith("2.25.")


def test_an_expander_is_not_for_what_a_file_needs_and_what_was_done_before() -> None:
    """A code of it has a VR that a recipe removes everywhere."""
    source = image()
    source.DeidentificationMethodCodeSequence = [code("113100", "DCM", "Basic Application Confidentiality Profile")]
    left = after(configured("FORMAT dicom\n%header\nREMOVE select:VR:SH\nREMOVE select:VR:CS", "deid.dicom"), source)
    assert left.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert "CodeValue" not in left.ProcedureCodeSequence[0]
    assert left.SpecificCharacterSet == source.SpecificCharacterSet
    assert "Modality" not in left


def test_all_but_what_is_kept() -> None:
    """``REMOVE ALL`` with some that stay: the example of deid's page on headers."""
    text = "FORMAT dicom\n%header\nREMOVE ALL\nKEEP Columns\nKEEP Rows\nKEEP except:Name|Date|Time\nREMOVE ALL\n"
    left = after(configured(text, "deid.dicom"))
    assert (left.Rows, left.Columns) == (4, 4)
    assert "PatientName" not in left
    assert "StudyDate" not in left
    assert "PixelData" in left


def test_the_example_of_a_sites_own(tmp_path: Path) -> None:
    """What the documentation of the reader shows is read, every key of it."""
    text = "\n".join(line[4:] for line in (site.__doc__ or "").splitlines() if line.startswith("    "))
    (tmp_path / "t.toml").write_text('[[template]]\nwhen = { Modality = "CT" }\nboxes = [[0, 0, 1, 1]]')
    (tmp_path / "words.txt").write_text("Chest of\nvenous")
    (tmp_path / "site.toml").write_text(text)
    config = read_config(tmp_path / "site.toml")
    profile, plan, pixels = config.profile, config.plan, config.pixels
    assert profile.options == ("pixels", "descriptors", "modified-dates", "device-identity")
    assert [(r.method, r.told, r.why) for r in profile.rules] == [
        ("cleanCsa", "rule 1 of site.toml", "needed for conversion")
    ]
    assert profile.private == (
        PrivateEntry(0x21, "MY STATION", 1, "DS"),
        *(PrivateEntry(0x19, "SIEMENS MR HEADER", e, keep=True) for e in (0x0C, 0x0E)),
    )
    assert (plan.key_env, plan.external, plan.date_scope, plan.date_shift) == (
        "DERIVE_KEY",
        "remove",
        "patient",
        (-365, -1),
    )
    assert (plan.uid_map, plan.id_map) == (tmp_path / "map.sqlite", tmp_path / "subjects.csv")
    assert plan.text.keep_tokens == frozenset({"chest", "of", "venous"})
    assert plan.dummies == {"PatientSex": "O"}
    assert (pixels.us_regions, pixels.ocr, pixels.burned_in) == ("keep", "report", "refuse")
    assert pixels.boxes == (Box(0, 0, 640, 40),)
    assert [t.name for t in pixels.templates] == ["t.toml, template 1"]


def test_rules_of_a_site_come_before_its_profile() -> None:
    """The first that matches holds, with the settings that stand beside it."""
    text = """
        profile = "basic+descriptors"
        [[rule]]
        tag = "PatientID"
        method = "cryptohash"
        length = 16
        [[rule]]
        tag = "PatientID"
        method = "keep"
        [[rule]]
        tag = '(0009,"ACME SECRETS 1",01)'
        method = "keep"
        [text]
        transformation = [{ method = "replaceWithInfoType", info_types = ["PERSON_NAME"] }]
    """
    config = configured(text)
    left = after(config)
    assert re.fullmatch(r"[0-9a-f]{16}", left.PatientID)
    assert left.private_block(0x0009, "ACME SECRETS 1")[0x01].value == "Quillfeather Aurelia"
    assert (0x0009, 0x1002) not in left
    assert config.profile.transformations == (Transformation("replaceWithInfoType", ("PERSON_NAME",)),)


@pytest.mark.parametrize("tag", ["UI", "CS", "(0008,xxxx)", "(0020,000x)", "(xxxx,xxxx)"])
@pytest.mark.parametrize("method", ["remove", "redact"])
def test_a_rule_that_sweeps_leaves_what_an_object_cannot_be_without(tag: str, method: str) -> None:
    """Its class, its characters, and what it is told by, which is new."""
    left, source = after(configured(f"[[rule]]\ntag = '{tag}'\nmethod = '{method}'")), image()
    assert left.SOPClassUID == left.file_meta.MediaStorageSOPClassUID == source.SOPClassUID
    assert left.SpecificCharacterSet == source.SpecificCharacterSet
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        assert left[keyword].value.startswith("2.25.")


def test_templates_alone_are_a_configuration() -> None:
    """Of CTP and of ours: the Basic Profile, and what is blanked; what cannot be looked at is told."""
    ctp = configured('{ Modality.equals("CT") + [0009,1001].equals("x") } (0,0,1,1)', "pixels.script")
    own = configured('[[template]]\nboxes = [[0, 0, 1, 1]]\nwhen = { Modality = "CT" }')
    assert [t.boxes for c in (ctp, own) for t in c.pixels.templates] == [(Box(0, 0, 1, 1),)] * 2
    assert (ctp.profile, own.notes) == (profile_of("basic", clean=["pixels"]), ())
    assert [note.partition(":")[2] for note in ctp.notes] == [" (0009,1001) is asked for, and is not looked at"]


@pytest.mark.parametrize(
    ("mode", "ocr"),
    [
        ("REDACT_ALL_TEXT", ("blank", "all")),
        ("REDACT_SENSITIVE_TEXT", ("blank", "sensitive")),
        ("REDACT_NO_TEXT", ("off", "all")),
    ],
)
def test_what_google_does_to_text_in_pictures(mode: str, ocr: tuple[str, str]) -> None:
    """The modes of its image configuration."""
    pixels = configured(f'{{"image": {{"textRedactionMode": "{mode}"}}}}', "g.json").pixels
    assert (pixels.ocr, pixels.ocr_text) == ocr


def test_google_transformations() -> None:
    """Each by its kinds of information; a key in Base64 is that of the run; without the profile they are a note."""
    text = """{"dicom": {"filterProfile": "%s"}, "text": {"transformations": [
        {"infoTypes": ["DATE"], "dateShiftConfig": {}},
        {"infoTypes": ["PHONE_NUMBER"], "characterMaskConfig": {"maskingCharacter": "#"}},
        {"cryptoHashConfig": {"cryptoKey": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="}},
    ]}}"""
    config = configured(text % "DEIDENTIFY_TAG_CONTENTS", "g.json")
    assert [(t.method, t.info_types, dict(t.settings)) for t in config.profile.transformations] == [
        ("dateShift", ("DATE",), {}),
        ("characterMask", ("PHONE_NUMBER",), {"masking_character": "#"}),
        ("cryptoHash", (), {}),
    ]
    assert config.key == b"01234567890123456789012345678901"
    other = configured(text % "KEEP_ALL_PROFILE", "g.json")
    assert other.profile.transformations == ()
    assert len(other.notes) == 1


@pytest.mark.parametrize(
    ("said", "kept"),
    [('"skipIdRedaction": true', True), ('"skipIdRedaction": false', False), ('"keepList": {}', False)],
)
def test_google_keeps_uids_where_it_is_told(said: str, kept: bool) -> None:
    """They change otherwise, even where all stays."""
    left = after(config_of(f'{{"dicom": {{{said}}}}}', "g.json", Path()))
    assert (left.SOPInstanceUID == image().SOPInstanceUID) is kept


def test_group_lengths_do_not_stay_where_all_stays() -> None:
    """They would be wrong."""
    source = image()
    source.add_new(0x00080000, "UL", 17)
    left: Dataset = after(configured('profile = "keep-all"'), source)
    assert 0x00080000 not in left
    assert left.PatientName == source.PatientName
