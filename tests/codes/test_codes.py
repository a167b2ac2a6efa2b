"""The tables of PS3.16: what they hold, and that every code can be found."""

from __future__ import annotations

import ast
import csv
import hashlib
import re
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from pydicom.sr.codedict import codes as pydicom_codes

import codes
from codes import Code, UnknownCode, context_group, context_groups, regenerate
from tests.conftest import STANDARD_TABLES
from tests.helpers.asserting import each, every

PACKAGE = Path(str(files(codes)))


def shared_rows(name: str) -> list[dict[str, str]]:
    path = STANDARD_TABLES / name
    if not path.exists():
        pytest.skip(f"{name} is not in {STANDARD_TABLES}; set DERIVE_STANDARD_TABLES")
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_counts_and_identity_of_the_groups() -> None:
    derivation, purpose = context_group(7203), context_group("7202")
    assert (len(derivation), len(derivation.left), len(purpose), len(purpose.left)) == (34, 22, 9, 0)
    assert (derivation.uid, derivation.version) == ("1.2.840.10008.6.1.510", "20200920")
    assert (purpose.uid, purpose.version) == ("1.2.840.10008.6.1.509", "20170405")
    assert derivation.extensible
    assert derivation.identifier == "7203"
    assert context_group("CID 7203") is derivation


@pytest.mark.parametrize("group", context_groups(), ids=lambda group: group.identifier)
def test_every_code_is_found_by_every_name(group: codes.ContextGroup) -> None:
    for code in group:
        for name in (code.value, f"{code.scheme}:{code.value}", code.keyword, code.keyword.lower(), code.meaning):
            assert group.find(name) == code, name
        assert code in group
    assert len({(code.value, code.scheme) for code in group}) == len(group)


@pytest.mark.parametrize("group", context_groups(), ids=lambda group: group.identifier)
def test_group_agrees_with_pydicom(group: codes.ContextGroup) -> None:
    collection = getattr(pydicom_codes, f"cid{group.identifier}")
    theirs = {
        (keyword, str(code.value), code.scheme_designator, code.meaning)
        for keyword, code in collection.concepts.items()
    }
    assert theirs == {(code.keyword, code.value, code.scheme, code.meaning) for code in group}


def test_units_and_quantities_that_value_mapping_needs() -> None:
    assert context_group(83).find("HounsfieldUnit").value == "[hnsf'U]"
    assert context_group(84).find("Bq/ml").keyword == "BecquerelsPerMilliliter"
    units = {unit: context_group(7181).find(unit).meaning for unit in ("mm2/s", "%", "{ratio}", "1", "ms", "Hz")}
    assert units["1"] == "no units"
    assert context_group(9000).find("Quantity")[:2] == ("246205007", "SCT")
    assert context_group(7180).find("ApparentDiffusionCoefficient").value == "113041"


@pytest.mark.parametrize("name", ["gaussian blur", "gaussian-blur", "GAUSSIANBLUR", " 113088 ", "DCM:113088"])
def test_spelling_does_not_matter_where_it_is_not_a_value(name: str) -> None:
    assert context_group(7203).find(name).keyword == "GaussianBlur"


def test_values_are_found_in_exact_case() -> None:
    with pytest.raises(UnknownCode):
        context_group(7181).find("HZ ish")
    assert context_group(7181).find("mT").keyword == "Millitesla"
    assert context_group(7181).find("um").keyword == "Micrometer"


def test_unknown_code_suggests_the_nearest() -> None:
    with pytest.raises(UnknownCode, match=r"CODE-UNKNOWN: CID 7203 Image Derivation .*'gausian'") as caught:
        context_group(7203).find("gausian")
    assert caught.value.suggestions[0] == "GaussianBlur"
    assert "GaussianBlur" in str(caught.value)


@pytest.mark.parametrize("name", ["113063", "T1", "t1 map", "DCM:113063"])
def test_code_that_left_says_where_it_went(name: str) -> None:
    with pytest.raises(UnknownCode, match=r"CODE-LEFT: .*has left it; it is now in CID 218, CID 7180") as caught:
        context_group(7203).find(name)
    assert "7180" in caught.value.moved_to


def test_codes_that_left_are_not_in_the_group_and_are_where_they_went() -> None:
    group = context_group(7203)
    quantities = context_group(7180)
    for left in group.left:
        assert left.code not in group
        assert ("7180" in left.moved_to) == (left.code in quantities)
    nowhere = {left.code.value for left in group.left if not left.moved_to}
    assert nowhere == {"113044", "113045", "113055", "113056", "113061"}


def test_group_that_the_table_lacks() -> None:
    with pytest.raises(UnknownCode, match=r"CODE-GROUP: .*7204.*7203") as caught:
        context_group(7204)
    assert "7203" in caught.value.suggestions


def test_membership_is_by_value_and_scheme() -> None:
    group = context_group(7203)
    assert Code("113088", "DCM", "another wording", "") in group
    assert Code("113088", "99LOCAL", "Gaussian blur", "GaussianBlur") not in group
    assert "113088" not in group


def test_code_is_written_as_the_standard_writes_it() -> None:
    assert str(context_group(7203).find("GaussianBlur")) == '(113088, DCM, "Gaussian blur")'


def test_code_values_fit_their_attributes() -> None:
    for group in each(context_groups()):
        for code in each(group):
            assert len(code.scheme) <= 16
            assert len(code.meaning) <= 64
            if len(code.value) > 16:  # Long Code Value (0008,0119) is for these
                assert code.scheme == "UCUM", code


def test_edition_and_digest_are_recorded() -> None:
    readme = (PACKAGE / "README.md").read_text(encoding="utf-8")
    digest = hashlib.sha256((PACKAGE / "context_groups.tsv").read_bytes()).hexdigest()
    assert digest in readme
    assert f"**Edition.** {codes.EDITION}" in readme
    assert {group.edition for group in context_groups()} == {codes.EDITION, "2024c", "2026d"}


def test_table_is_what_the_generator_writes() -> None:
    assert regenerate.main(["--check"]) == 0


def test_check_sees_a_changed_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "context_groups.tsv"
    changed.write_text(regenerate.table_text().replace("Gaussian blur", "Gaussian Blur"), encoding="utf-8")
    monkeypatch.setattr(regenerate, "TABLE", changed)
    assert regenerate.main(["--check"]) == 1
    assert "context_groups.tsv" in capsys.readouterr().err


def test_generator_refuses_a_code_that_came_back(monkeypatch: pytest.MonkeyPatch) -> None:
    back = {"cid": "7203", "scheme": "DCM", "value": "113088", "former_meaning": "Gaussian blur"}
    read = regenerate.read_table
    monkeypatch.setattr(regenerate, "read_table", lambda path: [back] if path.name == "left.tsv" else read(path))
    with pytest.raises(LookupError, match="113088 is in CID 7203 now"):
        regenerate.rows()


def test_loading_imports_the_standard_library_only() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert {name.partition(".")[0] for name in imported} <= {"__future__", *sys.stdlib_module_names}


@pytest.mark.parametrize("number", ["7202", "7203"])
def test_agrees_with_the_digest_of_the_standard(number: str) -> None:
    group = context_group(number)
    shared = shared_rows(f"cid{number}.tsv")
    current = {(r["CodeValue"], r["CodeMeaning"], r["pydicom_keyword"]) for r in shared if r["in_2026b_CID"] == "Y"}
    gone = {(r["CodeValue"], r["pydicom_keyword"]) for r in shared if r["in_2026b_CID"] == "N"}
    assert {(code.value, code.meaning, code.keyword) for code in group} == current
    assert {(left.code.value, left.code.keyword) for left in group.left} == gone


@pytest.mark.parametrize("number", ["83", "84", "7005", "7180", "7181"])
def test_units_and_purposes_agree_with_2026b(number: str) -> None:
    shared = [r for r in shared_rows("cid_related.tsv") if r["CID"] == number and r["scheme"] != "INCLUDE"]
    newest = {(r["scheme"], r["code"]) for r in shared if r["in_2026b"] == "Y"}
    assert newest
    assert {(code.scheme, code.value) for code in context_group(number)} == newest


def test_keywords_are_words() -> None:
    assert every(re.fullmatch(r"\w+", code.keyword) for group in context_groups() for code in group)
