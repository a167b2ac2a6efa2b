"""What each base makes of an attribute, and what dcm4chee's options keep in its dialect."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest

from derive.deidentification.profile.bases import base_action, listed_by_dcm4chee, required_by_google
from derive.deidentification.profile.profile import Profile, options, profile_of
from derive.deidentification.profile.rule import Address
from derive.elements.element import keyword_of, tag_of
from derive.rewriting.stored import AttributePath, SequenceStep
from derive.standard import confidentiality_rows
from tests.helpers.asserting import each, every
from tests.helpers.methods import instance_of, value_of

CT = "1.2.840.10008.5.1.4.1.1.2"
PAGE = Path(__file__).parents[3] / "shared/reference/dcm4chee_deidentify.txt"


def at(keyword: str, vr: str, *above: str) -> AttributePath:
    return AttributePath(tag_of(keyword), vr, above=tuple(SequenceStep(tag_of(k)) for k in above))


def action(path: AttributePath, profile: Profile) -> str | None:
    ruling = base_action(path, CT, profile)
    return ruling and ruling.method


@pytest.mark.parametrize(
    ("base", "name", "descriptor", "private", "uid", "overlay"),
    [
        ("basic", None, None, None, None, None),
        ("keep-all", "keep", "keep", "keep", None, "keep"),
        ("tag-contents", "infoTypes", "infoTypes", "infoTypes", None, "keep"),
        ("keep-list", "remove", "keep", "remove", "remove", "remove"),
        ("remove-list", "keep", "remove", "keep", None, "remove"),
        ("minimal", None, None, None, None, None),
    ],
)
def test_what_a_base_does(
    base: str, name: str | None, descriptor: str | None, private: str | None, uid: str | None, overlay: str | None
) -> None:
    """A name, a listed descriptor, a private text, a UID that is not listed, and an overlay."""
    lists = ("keep-list", "remove-list")
    profile = Profile(base, tags=(Address("StudyDescription"),) if base in lists else ())
    assert action(at("PatientName", "PN"), profile) == name
    assert action(at("StudyDescription", "LO"), profile) == descriptor
    assert action(AttributePath(0x00291008, "LO", "SIEMENS CSA HEADER"), profile) == private
    assert action(at("FrameOfReferenceUID", "UI"), profile) == uid
    assert action(AttributePath(0x60003000, "OW"), profile) == overlay


def test_minimal_leaves_how_pixels_lie_even_where_the_class_does_not_have_it() -> None:
    frames = AttributePath(tag_of("NumberOfFrames"), "IS")
    assert base_action(frames, "1.2.840.10008.5.1.4.1.1.7", Profile("minimal")) is None


def test_minimal_removes_what_the_class_does_not_have() -> None:
    """An echo time of a CT; of a class that nobody knows nothing is told."""
    echo = at("EchoTime", "DS")
    assert action(echo, Profile("minimal")) == "remove"
    assert base_action(echo, "1.2.3", Profile("minimal")) is None


def test_a_keep_list_keeps_what_an_image_cannot_do_without() -> None:
    """UIDs among it are left to the table, which maps them."""
    profile = Profile("keep-list", tags=(Address("PatientID"),))
    for tag in each(required_by_google(), 30):
        vr = "UI" if keyword_of(tag).endswith("UID") else "US"
        assert action(AttributePath(tag, vr), profile) == (None if vr == "UI" else "keep")


@pytest.mark.parametrize("nested", ["RequestAttributesSequence.AccessionNumber", "(0040,0275).00080050"])
def test_a_keep_list_keeps_the_content_of_what_it_lists_and_the_way_to_it(nested: str) -> None:
    """A sequence with all that is in it; of one on the way the rest goes."""
    whole = Profile("keep-list", tags=(Address("RequestAttributesSequence"),))
    assert action(at("AccessionNumber", "SH", "RequestAttributesSequence"), whole) == "keep"
    one = Profile("keep-list", tags=(Address(nested),))
    assert action(at("RequestAttributesSequence", "SQ"), one) == "keep"
    assert action(at("AccessionNumber", "SH", "RequestAttributesSequence"), one) == "keep"
    assert action(at("RequestedProcedureID", "SH", "RequestAttributesSequence"), one) == "remove"


@pytest.mark.parametrize("base", ["keep-list", "tag-contents", "keep-all", "remove-list"])
def test_codes_of_an_earlier_de_identification_stay(base: str) -> None:
    """Whatever looks into texts, and whatever lists do not name."""
    methods = "DeidentificationMethodCodeSequence"
    assert action(at("CodeValue", "SH", methods), Profile(base)) == "keep"
    assert action(at("PatientIdentityRemoved", "CS"), Profile(base)) == "keep"
    assert action(at("CodeMeaning", "LO", methods), Profile(base)) == (
        "infoTypes" if base == "tag-contents" else "keep"
    )


def test_microsoft_changes_nothing_that_no_rule_names() -> None:
    """Not even UIDs."""
    assert action(at("SOPInstanceUID", "UI"), Profile("keep-all", dialect="microsoft")) == "keep"


@pytest.mark.parametrize("option", [*listed_by_dcm4chee()])
def test_an_option_of_dcm4chee_keeps_what_its_page_lists(option: str) -> None:
    """Exactly that: the columns of the table are not asked in its dialect."""
    profile = profile_of(f"dcm4chee:{options()[option].dcm4chee}")
    assert profile.columns == ()
    kept = listed_by_dcm4chee()[option]
    assert every(action(AttributePath(tag, "LO"), profile) == "keep" for tag in kept)
    others = frozenset[int]().union(*listed_by_dcm4chee().values()) - kept
    assert every(action(AttributePath(tag, "LO"), profile) is None for tag in others)


@pytest.mark.skipif(not PAGE.exists(), reason="the documents of the founders are not at hand")
def test_the_lists_are_those_of_the_page() -> None:
    """Read from the page as it stands."""
    option = ""
    found: dict[str, set[int]] = {}
    names = {row.dcm4chee: name for name, row in options().items() if row.dcm4chee}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if said := re.search(r"set as deidentify:(\w+)", line):
            option = names[said[1]]
        elif tag := re.search(r"• .+\((\w{4}),(\w{4})\)", line):
            found.setdefault(option, set()).add(int(tag[1] + tag[2], 16))
    hashed = found.pop("patient-id-hash")
    assert found == {name: {*tags} for name, tags in listed_by_dcm4chee().items()}
    assert {keyword_of(tag) for tag in hashed} >= {"PatientID", "IssuerOfPatientID"}


def test_a_patient_id_is_hashed_with_its_issuer() -> None:
    """Of the object's own patient alone; keyed, and in dcm4chee's dialect as dcm4chee does it (RFC 4122, version 3)."""
    profile = profile_of("deidentify:RetainPatientIDHashOption")
    assert action(at("PatientID", "LO"), profile) == "patientIdHash"
    assert action(at("PatientID", "LO", "OtherPatientIDsSequence"), profile) is None
    instance = instance_of(PatientID="4711", IssuerOfPatientID="GH")
    theirs = value_of("patientIdHash", "PatientID", "LO", "4711", instance=instance, settings={"dialect": "dcm4chee"})
    assert theirs == "b96e669c-2e7f-3753-9ed7-c4f59c6b22e7"
    ours = value_of("patientIdHash", "PatientID", "LO", "4711", instance=instance)
    assert ours is not None
    assert uuid.UUID(ours).version == 4
    assert ours != value_of("patientIdHash", "PatientID", "LO", "4711", instance=instance_of(PatientID="4711"))


def differences() -> list[str]:
    """Where an option of dcm4chee and the column of the table say other things of an attribute, a line each."""
    found = []
    for option, listed in listed_by_dcm4chee().items():
        column = options()[option].column
        rows = {row.keyword: row.actions.get(column, "") for row in confidentiality_rows() if row.keyword}
        for keyword in sorted({*map(keyword_of, listed), *(k for k, action in rows.items() if action)}):
            theirs, table = "K" if tag_of(keyword) in listed else "", rows.get(keyword, "no row")
            if theirs != table:
                found.append(f"{option}\t{keyword}\t{theirs}\t{table}")
    return found


def test_where_dcm4chee_and_the_table_differ_is_listed() -> None:
    """``dcm4chee_differences.tsv``, in full: what its options keep that the table does not, and the other way round."""
    listed = (Path(__file__).parent / "dcm4chee_differences.tsv").read_text(encoding="utf-8").splitlines()
    assert listed[0] == "option\tkeyword\tdcm4chee\ttable 2026d"
    assert listed[1:] == differences()
