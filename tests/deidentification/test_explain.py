"""derive deid-explain: the decision of the engine with its reasons, of one attribute or of all, without any file."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import pytest
from pydicom.tag import Tag

from derive import standard
from derive.cli.main import main
from derive.deidentification.explain.explain import _reasons, foretold, path_of, sop_class_of
from derive.deidentification.explain.explain_all import explanation, whole_explanation
from derive.deidentification.profile.profile import Profile, options, profile_of
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.tables import CT, PET
from tests.helpers.whole_table import PLAIN, at, placed, table_rows, through

SCHEMA = json.loads(files("derive.cli").joinpath("schemas/deid-explain.json").read_text(encoding="utf-8"))
SR = "1.2.840.10008.5.1.4.1.1.88.33"


def answer(text: str, sop_class: str = "CT", profile: str = "basic") -> tuple[str, str, str]:
    meant = profile_of(profile)
    found = foretold(path_of(text, meant), sop_class_of(sop_class), meant)
    return found.ruling.action, found.ruling.method, found.ruling.why


# --------------------------------------------------------------- one attribute


@pytest.mark.parametrize(
    ("text", "sop_class", "profile", "action", "why"),
    [
        ("StudyDate", "CT", "basic", "Z", "basic 2026d: Z"),
        ("StudyDate", "CT", "basic+full-dates", "K", "retain_longitudinal_full_dates: K"),
        ("StudyDate", "CT", "basic+modified-dates", "C", "retain_longitudinal_modified_dates: C"),
        ("SeriesDate", "PET", "basic", "D", "basic 2026d: X/D, type 1"),
        ("SeriesDate", "CT", "basic", "X", "basic 2026d: X/D, type 3"),
        ("SeriesDate", "1.2.3", "basic", "D", "basic 2026d: X/D, type unknown"),
        ("(0018,1000)", "CT", "basic+device-identity", "K", "retain_device_identity: K"),
        ("RequestAttributesSequence.AccessionNumber", "CT", "basic", "Z", "basic 2026d: Z"),
        ("RequestAttributesSequence>AccessionNumber", "CT", "basic", "Z", "basic 2026d: Z"),
        ("OverlayDescription", "CT", "basic", "X", "basic 2026d: overlays go as a whole"),
        ("(6002,3000)", "CT", "basic", "X", "basic 2026d: overlays go as a whole"),
        ('(0029,"ACME 1.0",10)', "CT", "basic", "X", "private (PS3.15 Table E.1-1)"),
        ("NameToUse", "CT", "basic", "X", "basic 2026d: X"),
        ("Rows", "CT", "basic", "K", "beyond the table"),
        ("PatientName", "CT", "keep-all", "K", "profile keep-all"),
    ],
)
def test_an_attribute_is_told_with_its_column(text: str, sop_class: str, profile: str, action: str, why: str) -> None:
    told = answer(text, sop_class, profile)
    assert (told[0], told[2]) == (action, why)


def test_what_options_would_do_is_told_beside_it() -> None:
    meant = profile_of("basic+full-dates")
    found = foretold(path_of("StudyDate", meant), CT, meant)
    assert {name: ruling.action for name, ruling in found.otherwise.items()} == {"modified-dates": "C"}
    assert found.ruling.action == "K"
    basic = foretold(path_of("DeviceSerialNumber", Profile()), CT, Profile())
    assert {name: ruling.action for name, ruling in basic.otherwise.items()} == {"device-identity": "K"}


def test_what_names_nothing_is_refused() -> None:
    for text in each(["PatientsName", "PN", "(0029,1010)", ""]):
        with raises_code("DEID-ADDRESS"):
            path_of(text, Profile())
    with raises_code("DEID-CLASS") as caught:
        sop_class_of("ctt")
    assert "did you mean CT?" in caught.value.message


# ------------------------------------------------------------------------- all


def test_all_that_the_table_names_is_told_once_with_a_reason() -> None:
    whole = whole_explanation(CT, Profile())
    assert len(whole.attributes) == 656  # private attributes are told apart
    assert len({found.path for found in whole.attributes}) == 656
    assert every(found.reason and found.ruling.why for found in whole.attributes)
    assert not {found.ruling.action for found in whole.attributes} & {"K", "C"}


@pytest.mark.parametrize("profile", ["basic", "basic+descriptors+modified-dates+device-identity+uids"])
def test_what_is_foretold_is_what_is_done(profile: str) -> None:
    meant = profile_of(profile)
    before = placed(table_rows(), PLAIN, CT)
    after, _, done = through(before, meant)
    held, left = at(before, PLAIN), at(after, PLAIN)
    assert held is not None
    assert left is not None
    told = {decided.path: (decided.action, decided.method) for decided in done.decisions}
    for row in each(table_rows(), at_least=600):
        path = path_of(f"({PLAIN[0]:08X}).({PLAIN[1]:08X}).({row.tag:08X})", meant)
        ruling = foretold(path, CT, meant).ruling
        assert told[path.text] == (ruling.action, ruling.method), row.name
        if row.vr != "SQ":
            assert (Tag(row.tag) in left and left[row.tag].value == held[row.tag].value) <= (ruling.action in "KC")


def test_content_items_and_private_attributes_are_told_where_they_are_decided_one_by_one() -> None:
    basic = whole_explanation(SR, Profile())
    assert list(basic.content_items()) == []
    assert len(list(basic.private())) == 1
    more = whole_explanation(SR, profile_of("basic+structured-content+safe-private+modified-dates"))
    content = {(row.code, row.value_type): ruling.action for row, ruling in more.content_items()}
    assert len(content) == len(standard.content_rows())
    assert content["121022", "TEXT"] == "X"
    assert content["126201", "DATE"] == "C"
    assert len(list(more.private())) > 50


def test_what_is_claimed_and_what_is_not_is_told() -> None:
    told = whole_explanation(CT, profile_of("basic+device-identity+pixels")).to_json()
    assert [code["value"] for code in told["codes"]] == ["113100", "113109"]
    assert [row["option"] for row in told["withheld"]] == ["pixels"]


# ---------------------------------------------------------------------- command


@pytest.mark.parametrize(
    "words",
    [
        ["PatientID", "--sop-class", "CT"],
        ["StudyDate", '(0029,"SIEMENS CSA HEADER",10)', "--retain", "safe-private,full-dates"],
        ["--all", "--sop-class", PET, "--clean", "structured-content", "--retain", "safe-private"],
        ["--all", "--profile", "minimal", "--edition", "2024b"],
    ],
)
def test_json_is_what_the_schema_says(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deid-explain", *words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, SCHEMA)
    assert told["attributes"]
    assert ("steps" in told) == ("--all" in words)


def test_text_has_all_that_a_board_asks_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deid-explain", "--all", "--sop-class", "CT", "--retain", "device-identity"]) == 0
    told = capsys.readouterr().out
    for text in each(["ct-image", "113109", "Rules of the user's own", "DeviceSerialNumber", "any other of VR PN"]):
        assert text in told
    assert main(["deid-explain", "DeviceSerialNumber", "--sop-class", "CT"]) == 0
    told = capsys.readouterr().out
    assert "X/Z/D" in told
    assert "with device-identity: K" in told


def test_rules_of_a_configuration_come_first(tmp_path, capsys: pytest.CaptureFixture[str]) -> None:
    site = tmp_path / "site.toml"
    site.write_text('profile = "basic"\n\n[[rule]]\ntag = "StudyDate"\nmethod = "keep"\nwhy = "agreed"\n')
    assert main(["deid-explain", "StudyDate", "--config", str(site)]) == 0
    assert "agreed" in capsys.readouterr().out


def test_an_attribute_or_all_is_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deid-explain"]) == 2
    assert main(["deid-explain", "PatientID", "--all"]) == 2
    assert capsys.readouterr().err.count("DEID-ADDRESS") == 2


def test_every_reason_is_one_of_a_column_or_of_a_kind() -> None:
    columns = {option.column for option in options().values() if option.column}
    assert set(_reasons()) - columns == {"private", "group 0010", "vr PN", "basic"}


def test_several_attributes_are_told_in_order() -> None:
    told = str(explanation(["PatientID", "StudyID"], CT, Profile()))
    assert told.index("PatientID") < told.index("StudyID")
