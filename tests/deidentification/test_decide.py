"""What becomes of one attribute: each step of the decision, by examples of the table and beyond it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import derive
from derive.deidentification.engine.decide import (
    STEPS,
    Question,
    by_encoding,
    by_force,
    by_kind,
    by_repeating_group,
    by_rule,
    by_table,
    decided,
    resolved,
    structure,
)
from derive.deidentification.profile.profile import profile_of
from derive.deidentification.profile.rule import Address, Rule
from derive.elements.element import tag_of
from derive.elements.instance import Instance
from derive.rewriting.stored import AttributePath, SequenceStep
from tests.helpers.sources import make_series

CT, SR, UNKNOWN = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.11", "1.2.3.4"


def asked(name, vr="LO", options=(), sop_class=CT, forced="", above=(), rules=()):
    tag = name if isinstance(name, int) else tag_of(name)
    path = AttributePath(tag, vr, "", tuple(SequenceStep(tag_of(k)) for k in above))
    retain = [o for o in options if o not in ("descriptors", "graphics", "structured-content", "pixels")]
    profile = profile_of("basic", retain, [o for o in options if o not in retain], rules=rules)
    return Question(path, Instance("an object", {}, strict=False), profile, sop_class, forced)


@pytest.mark.parametrize(
    ("name", "vr", "options", "action", "why"),
    [
        ("StudyDate", "DA", (), "Z", "basic 2026d: Z"),
        ("StudyDate", "DA", ("full-dates",), "K", "retain_longitudinal_full_dates: K"),
        ("StudyDate", "DA", ("modified-dates",), "C", "retain_longitudinal_modified_dates: C"),
        ("PatientName", "PN", (), "D", "basic 2026d: the new one of this patient"),
        ("StationName", "SH", ("device-identity",), "K", "retain_device_identity: K"),
        ("PatientAge", "AS", ("patient-characteristics",), "K", "retain_patient_characteristics: K"),
        ("StudyDescription", "LO", ("descriptors",), "C", "clean_descriptors: C"),
        ("StudyDescription", "LO", (), "X", "basic 2026d: X"),
        ("SOPInstanceUID", "UI", (), "U", "basic 2026d: U"),
        ("SOPInstanceUID", "UI", ("uids",), "K", "retain_uids: K"),
        ("SourceImageSequence", "SQ", (), "U", "basic 2026d: X/Z/U*, type 3"),
        ("AcquisitionDate", "DA", (), "X", "basic 2026d: X/Z, type 3"),
        ("ContentDate", "DA", (), "Z", "basic 2026d: Z/D, type 2C"),
    ],
)
def test_the_table_decides_by_option_and_type(name, vr, options, action, why):
    ruling = decided(asked(name, vr, options))
    assert (ruling.action, ruling.why) == (action, why)


def test_what_is_required_stays_present():
    assert decided(asked("ContentDate", "DA", sop_class=SR)).action == "D"
    assert decided(asked("PresentationCreationDate", "DA", sop_class="1.2.840.10008.5.1.4.1.1.11.1")).action == "D"


def test_of_a_class_that_nobody_knows_nothing_is_removed_that_may_be_required():
    assert decided(asked("ContentDate", "DA", sop_class=UNKNOWN)).action == "D"
    assert decided(asked("AcquisitionDate", "DA", sop_class=UNKNOWN)).action == "Z"


@given(
    st.sampled_from(["X", "Z", "D", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*"]),
    st.sampled_from(["1", "1C", "2", "2C", "3", "", None]),
)
def test_a_composite_action_keeps_what_its_type_asks_for(action, kind):
    found = resolved(action, kind)
    assert found in "XZDU"
    if kind in ("1", "1C"):
        assert found in "DU"
    if kind in ("2", "2C"):
        assert found != "X"
    if action in ("X", "Z", "D", "U") and kind in ("3", ""):
        assert found == action


def test_the_first_rule_that_matches_holds():
    rules = [Rule(Address("StudyDate"), "keep", told="rule 1"), Rule(Address("DA"), "remove", told="rule 2")]
    assert by_rule(asked("StudyDate", "DA", rules=rules)).why == "rule 1"
    assert by_rule(asked("SeriesDate", "DA", rules=rules)).why == "rule 2"
    assert by_rule(asked("Modality", "CS", rules=rules)) is None


def test_curves_and_overlays_go_as_a_whole_or_are_cleaned():
    assert by_repeating_group(asked(0x60000022)).action == "X"
    assert by_repeating_group(asked(0x60223000, "OW", ("graphics",))).method == "cleanGraphics"
    assert by_repeating_group(asked(0x50020005)).action == "X"
    assert by_repeating_group(asked("Rows", "US")) is None


def test_lengths_of_groups_and_other_groups_go():
    assert by_encoding(asked(0x00080000, "UL")).action == "X"
    assert by_encoding(asked(0x00020003, "UI")).action == "X"
    assert by_encoding(asked("Rows", "US")) is None
    assert STEPS[0] is by_encoding  # a length that was is wrong as soon as anything changes, whatever a rule says


@pytest.mark.parametrize(
    ("name", "vr", "options", "action"),
    [
        (0x00103003, "LO", (), "X"),
        ("InterpretationAuthor", "PN", (), "Z"),
        ("DateOfInstallation", "DA", (), "X"),
        ("DateOfInstallation", "DA", ("full-dates",), "K"),
        ("DateOfInstallation", "DA", ("modified-dates",), "C"),
        ("ContactURI", "UR", (), "X"),
        ("ICCProfile", "OB", (), "K"),
        (0x00189999, "OB", (), "X"),
        (0x00189999, "UN", (), "X"),
        ("TransferSyntaxUID", "UI", (), "K"),
        ("IrradiationEventUID", "UI", (), "U"),
        ("IrradiationEventUID", "UI", ("uids",), "K"),
        ("Manufacturer", "LO", (), "C"),
        ("SliceThickness", "DS", (), "K"),
        ("BodyPartExamined", "CS", (), "C"),
        ("AnatomicRegionSequence", "SQ", (), "K"),
    ],
)
def test_what_the_table_lacks_is_decided_by_its_kind(name, vr, options, action):
    assert by_kind(asked(name, vr, options)).action == action


def test_the_content_of_a_replaced_sequence_is_replaced_but_for_its_structure():
    inside = {"above": ("ContentSequence",), "forced": "D", "sop_class": SR}
    assert by_force(asked("CodeMeaning", "LO", **inside)).action == "D"
    assert by_force(asked("ReferencedSOPInstanceUID", "UI", **inside)).action == "U"
    assert by_force(asked("CodingSchemeUID", "UI", **inside)).action == "K"
    assert by_force(asked("ValueType", "CS", **inside)) is None
    assert by_force(asked("ReferencedFrameNumber", "IS", **inside)) is None
    assert by_force(asked("EncryptedContent", "OB", **inside)).action == "D"
    assert by_force(asked("CodeMeaning", "LO")) is None


def test_structure_names_what_the_dictionary_has():
    assert {"bytes", "structure", "code", "label"} == {*structure().values()}
    assert structure()[tag_of("ICCProfile")] == "bytes"
    assert by_table(asked("Rows", "US")) is None


@pytest.mark.parametrize("keyword", ["PatientName", "PatientID"])
def test_who_keeps_the_identity_does_not_say_that_it_is_removed(keyword):
    (source,) = make_series(count=1, BurnedInAnnotation="NO")
    kept = derive.deidentification.dataset(source, rules=[Rule(Address(keyword), "keep")], retain=["uids"])
    assert kept[keyword].value == source[keyword].value
    assert kept.PatientIdentityRemoved == "NO"
    assert "DeidentificationMethodCodeSequence" not in kept
    assert "own rules" in str(kept.DeidentificationMethod)
    clean = derive.deidentification.dataset(source, rules=[Rule(Address("StationName"), "keep")])
    assert clean.PatientIdentityRemoved == "YES"
