"""Conditions of type 1C and 2C: every one is judged or says why not, and holds when it should."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from derive import standard
from derive.standard import AttributeRule, Iod, conditions
from tests.helpers.asserting import each
from tests.helpers.instances import CLASSES, code, item, series, write

IODS = {modality: standard.iod(uid) for modality, uid in CLASSES.items()}


def has_of(dataset: Dataset) -> conditions.Has:
    def has(keyword: str) -> Any:
        value = dataset.get(keyword)
        return None if value == "" else value

    return has


def required(iod: Iod, keyword: str, has: conditions.Has) -> bool | None:
    found = conditions.condition_of(iod.attributes[keyword])
    return None if found is None else found.holds(iod.name, has)


def banned(iod: Iod, keyword: str, has: conditions.Has) -> bool:
    found = conditions.condition_of(iod.attributes[keyword])
    return found is not None and found.bans(iod.name, has)


def conditional(iod: Iod) -> list[AttributeRule]:
    mandatory = {use.module for use in iod.modules if use.usage == "M"}
    return [
        rule
        for rules in iod.all_rules.values()
        for rule in rules
        if rule.type in ("1C", "2C") and rule.module in mandatory
    ]


@pytest.mark.parametrize("modality", IODS)
def test_every_conditional_attribute_of_a_mandatory_module_has_a_row(modality: str) -> None:
    rows = {(c.module, c.keyword) for c in conditions.conditions()}
    missing = [
        (rule.module, rule.keyword)
        for rule in conditional(IODS[modality])
        if not {(rule.module, rule.keyword), ("*", rule.keyword)} & rows
    ]
    assert missing == []


@pytest.mark.parametrize("modality", IODS)
def test_every_conditional_module_has_a_row(modality: str) -> None:
    for use in each(IODS[modality].modules):
        if use.usage == "C":
            assert conditions.module_condition(use.module) is not None, use.module


def test_every_row_is_of_an_attribute_that_is_conditional() -> None:
    known = {
        (rule.module, rule.keyword)
        for uid in standard.sop_class_uids()
        for rules in standard.iod(uid).all_rules.values()
        for rule in rules
        if rule.type in ("1C", "2C")
    }
    keywords = {keyword for _, keyword in known}
    modules = {use.module for uid in standard.sop_class_uids() for use in standard.iod(uid).modules if use.usage == "C"}
    for row in each(conditions.conditions()):
        if row.keyword == conditions.ANY:
            assert row.module in modules
        elif row.module == conditions.ANY:
            assert row.keyword in keywords
        elif row.module == conditions.ITEM:
            assert tag_for_keyword(row.keyword)
        else:
            assert (row.module, row.keyword) in known


def test_every_row_can_be_read_and_says_itself_in_words() -> None:
    rows = (*conditions.conditions(), *conditions.macro_conditions())
    assert len(rows) > 300
    for row in rows:
        assert re.fullmatch(r"PS3\.3 (A|C)?\.?[0-9.]+[a-z]?", row.section), row
        if not row.judged:
            assert not row.words.startswith("if "), row
            continue
        assert row.words.startswith(("if ", "for ")), row
        assert row.holds("ct-image", lambda _: None) in (True, False)
        assert row.reads or row.test.startswith("iod "), row
        for keyword in row.reads:
            assert tag_for_keyword(keyword), f"{keyword} in {row}"


@pytest.mark.parametrize("modality", IODS)
def test_a_valid_instance_has_all_that_is_required(modality: str, tmp_path: Path) -> None:
    dataset = dcmread(write(tmp_path / "s", series(modality, 1)) / "1.dcm")
    iod = IODS[modality]
    for rule in conditional(iod):
        if required(iod, rule.keyword, has_of(dataset)) and iod.attributes[rule.keyword] is rule:
            assert rule.keyword in dataset
        assert not (rule.keyword in dataset and banned(iod, rule.keyword, has_of(dataset)))


ANIMAL = {"PatientSpeciesDescription": "canine"}
CASES: list[tuple[str, str, dict[str, Any], bool | None]] = [
    ("CT", "PatientPosition", {}, True),
    ("PT", "PatientPosition", {}, False),
    ("MR", "PatientPosition", {"PatientOrientationCodeSequence": [code("102538003", "SCT", "recumbent")]}, False),
    ("CT", "PatientOrientation", {}, False),
    ("SC", "PatientOrientation", {}, True),
    ("SC", "PatientOrientation", {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}, True),
    ("CT", "Laterality", {}, False),
    ("CT", "Laterality", {"BodyPartExamined": "HEAD"}, False),
    ("CT", "Laterality", {"BodyPartExamined": "KNEE"}, True),
    ("CT", "Laterality", {"BodyPartExamined": "KNEE", "ImageLaterality": "L"}, False),
    ("CT", "RescaleType", {}, False),
    ("CT", "RescaleType", {"MultienergyCTAcquisition": "YES"}, True),
    ("SC", "RescaleType", {"RescaleIntercept": 0.0}, True),
    ("CT", "EnergyWeightingFactor", {"DerivationCodeSequence": [code("113088", "DCM", "blur")]}, False),
    ("CT", "EnergyWeightingFactor", {"DerivationCodeSequence": [code("113097", "DCM", "weighting")]}, True),
    ("CT", "PixelPaddingValue", {"PixelPaddingRangeLimit": 5}, False),
    ("CT", "PixelPaddingValue", {"PixelPaddingRangeLimit": 5, "PixelData": b"\0\0"}, True),
    ("CT", "PixelPaddingRangeLimit", {"PixelPaddingValue": 5}, None),
    ("CT", "PlanarConfiguration", {"SamplesPerPixel": 1}, False),
    ("SC", "PlanarConfiguration", {"SamplesPerPixel": 3}, True),
    ("SC", "RedPaletteColorLookupTableData", {"PhotometricInterpretation": "PALETTE COLOR"}, True),
    ("SC", "RedPaletteColorLookupTableData", {"PhotometricInterpretation": "RGB"}, False),
    ("SC", "PixelSpacing", {"PixelSpacingCalibrationType": "GEOMETRY"}, True),
    ("CT", "PixelData", {}, True),
    ("CT", "ContentDate", {}, None),
    ("CT", "SpecificCharacterSet", {}, None),
    ("CT", "ReferencedSeriesSequence", {}, None),
    ("CT", "WindowCenter", {}, True),
    ("CT", "WindowWidth", {}, False),
    ("CT", "WindowWidth", {"WindowCenter": [40, 50]}, True),
    ("CT", "DeidentificationMethod", {"PatientIdentityRemoved": "YES"}, True),
    ("CT", "DeidentificationMethod", {"PatientIdentityRemoved": "NO"}, False),
    (
        "CT",
        "DeidentificationMethod",
        {"PatientIdentityRemoved": "YES", "DeidentificationMethodCodeSequence": [code("113100", "DCM", "basic")]},
        False,
    ),
    ("CT", "ResponsiblePerson", ANIMAL, True),
    ("CT", "ResponsiblePerson", {}, False),
    ("CT", "PatientBreedDescription", ANIMAL, True),
    ("CT", "PatientBreedDescription", ANIMAL | {"PatientBreedCodeSequence": [item(CodeValue="1")]}, False),
    ("MR", "RepetitionTime", {"ScanningSequence": "SE", "SequenceVariant": "NONE"}, True),
    ("MR", "RepetitionTime", {"ScanningSequence": "EP", "SequenceVariant": "NONE"}, False),
    ("MR", "RepetitionTime", {"ScanningSequence": ["EP", "SE"], "SequenceVariant": ["SP", "SK"]}, True),
    ("MR", "RepetitionTime", {"ScanningSequence": ["EP", "SE"], "SequenceVariant": ["SP", "OSP"]}, False),
    ("MR", "InversionTime", {"ScanningSequence": ["GR", "IR"]}, True),
    ("MR", "InversionTime", {"ScanningSequence": "GR"}, False),
    ("MR", "TriggerTime", {"ScanOptions": ["FC", "CG"]}, True),
    ("MR", "TriggerTime", {"ScanOptions": "RG"}, False),
    ("PT", "TriggerTime", {"SeriesType": ["GATED", "IMAGE"]}, True),
    ("PT", "FrameTime", {"SeriesType": ["STATIC", "IMAGE"]}, False),
    ("PT", "LowRRValue", {"SeriesType": ["GATED", "IMAGE"], "BeatRejectionFlag": "Y"}, True),
    ("PT", "LowRRValue", {"SeriesType": ["GATED", "IMAGE"], "BeatRejectionFlag": "N"}, False),
    ("PT", "NumberOfTimeSlices", {"SeriesType": ["DYNAMIC", "IMAGE"]}, True),
    ("PT", "ReprojectionMethod", {"SeriesType": ["STATIC", "REPROJECTION"]}, True),
    ("PT", "ReprojectionMethod", {"SeriesType": ["REPROJECTION", "IMAGE"]}, False),
    ("PT", "DecayFactor", {"DecayCorrection": "START"}, True),
    ("PT", "DecayFactor", {"DecayCorrection": "NONE"}, False),
    ("PT", "DecayFactor", {}, False),
    ("PT", "LossyImageCompression", {"LossyImageCompressionRatio": 10}, True),
    ("PT", "LossyImageCompression", {}, False),
]


@pytest.mark.parametrize(("modality", "keyword", "values", "expected"), CASES)
def test_a_condition_holds_when_it_should(
    modality: str, keyword: str, values: dict[str, Any], expected: bool | None
) -> None:
    assert required(IODS[modality], keyword, values.get) is expected


@pytest.mark.parametrize(
    ("modality", "keyword", "values", "expected"),
    [
        ("PT", "PatientPosition", {"PatientOrientationCodeSequence": [item(CodeValue="1")]}, True),
        ("PT", "PatientPosition", {}, False),
        ("MR", "InversionTime", {"ScanningSequence": "GR"}, True),
        ("MR", "InversionTime", {"ScanningSequence": "IR"}, False),
        ("MR", "Laterality", {"BodyPartExamined": "BRAIN"}, True),
        ("MR", "Laterality", {"BodyPartExamined": "BRAIN", "Laterality": "L"}, True),
        ("MR", "Laterality", {"BodyPartExamined": "KNEE", "ImageLaterality": "L"}, True),
        ("MR", "Laterality", {"BodyPartExamined": "KNEE"}, False),
        ("MR", "Laterality", {}, False),
        ("CT", "RescaleType", {}, False),
        ("CT", "ContentDate", {}, False),
        ("SC", "ModalityLUTSequence", {"RescaleIntercept": 0.0}, True),
    ],
)
def test_an_attribute_is_banned_when_it_should_be(
    modality: str, keyword: str, values: dict[str, Any], expected: bool
) -> None:
    assert banned(IODS[modality], keyword, values.get) is expected


def test_what_is_no_conditional_attribute_is_not_judged() -> None:
    assert conditions.condition_of(IODS["CT"].attributes["PatientID"]) is None


@pytest.mark.parametrize(
    ("keyword", "values", "expected"),
    [
        ("CodeValue", {}, True),
        ("CodeValue", {"LongCodeValue": "x" * 20}, False),
        ("CodingSchemeDesignator", {"CodeValue": "1"}, True),
        ("CodingSchemeDesignator", {"URNCodeValue": "urn:x"}, False),
        ("ContextGroupLocalVersion", {"ContextGroupExtensionFlag": "Y"}, True),
        ("ContextGroupLocalVersion", {"ContextGroupExtensionFlag": "N"}, False),
        ("PatientOrientation", {"SpatialLocationsPreserved": "REORIENTED_ONLY"}, True),
        ("CodeMeaning", {}, False),
    ],
)
def test_conditions_of_items(keyword: str, values: dict[str, Any], expected: bool) -> None:
    assert (conditions.required_in_item(keyword, values.get) is not None) is expected


def test_every_conditional_attribute_of_a_functional_group_has_a_row() -> None:
    rows = {(c.module, c.keyword) for c in conditions.macro_conditions()}
    asked = set()
    for uid in standard.sop_class_uids():
        groups = standard.iod(uid).attributes.get("SharedFunctionalGroupsSequence")
        macros = groups.items if groups is not None else ()
        asked |= {(m.keyword, a.keyword) for m in macros for a in m.items if a.type in ("1C", "2C")}
    assert len(asked) > 100
    assert asked - rows == set()
