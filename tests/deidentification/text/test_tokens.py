"""A list of words that may stay: proposed from a set, looked at by a person, read again."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from pydicom import dcmread

import derive
from derive.cli.main import main
from derive.deidentification.text.cleaning import read_tokens, tokens_in
from tests.helpers.asserting import each, raises_code
from tests.helpers.instances import item, uid
from tests.helpers.texts import patient, written

WORDS = {
    "P1": ("CT Abdomen 5.0 pvenous", "CT abdomen of Quillfeather"),
    "P2": ("CT Abdomen 3.0 pvenous", "seen by Dr. Ombrelle 2024-01-19 zebrafish"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "study"
    source.mkdir()
    for who, (series, comment) in WORDS.items():
        inner = item(RequestedProcedureDescription="Abdomen nested")
        dataset = patient(
            PatientID=who,
            PatientName=f"Quillfeather^{who}",
            StudyInstanceUID=uid(who),
            SeriesInstanceUID=uid(who, 1),
            SOPInstanceUID=uid(who, 2),
            SeriesDescription=series,
            ImageComments=comment,
            RequestAttributesSequence=[inner],
        )
        (source / f"{who}.dcm").write_bytes(written(dataset))
    return source


def test_words_of_the_standard_and_of_several_patients_are_proposed_and_names_are_not(folder):
    found = derive.deid_tokens(folder)
    proposed = {word.text: word for word in found.proposed}
    assert {"abdomen", "5.0", "3.0", "pvenous", "nested", "of"} <= proposed.keys()
    assert proposed["pvenous"].patients == 2
    assert not proposed["pvenous"].is_known
    assert "zebrafish" in {word.text for word in found.single}
    every = {word.text for word in found.words}
    assert not every & {"quillfeather", "ombrelle", "yamada", "2024", "dr"}
    assert (found.patients, found.texts) == (2, 6)


def test_what_is_printed_is_read_as_a_list_and_words_of_one_patient_are_comments(folder, tmp_path, capsys):
    assert main(["deid-tokens", str(folder)]) == 0
    short = capsys.readouterr().out
    assert "zebrafish" not in short
    assert "left out" in short
    assert main(["deid-tokens", str(folder), "--all"]) == 0
    printed = tmp_path / "words.txt"
    printed.write_text(capsys.readouterr().out, encoding="utf-8")
    assert "zebrafish" in printed.read_text(encoding="utf-8")
    assert read_tokens(printed) == {word.text for word in derive.deid_tokens(folder).proposed}


def test_the_list_is_followed_by_the_command(folder, tmp_path):
    words = tmp_path / "words.txt"
    words.write_text("CT Abdomen  # both\n5.0\n", encoding="utf-8")
    command = ["deidentify", str(folder), "-o", str(tmp_path / "out"), "--clean", "descriptors", "--burned-in", "keep"]
    assert main([*command, "--keep-tokens", str(words), "--quiet"]) == 0
    written_files = each(sorted((tmp_path / "out").rglob("*.dcm")), 2)
    assert {dcmread(path).SeriesDescription for path in written_files} == {"CT Abdomen 5.0", "CT Abdomen"}


def test_json_is_as_its_schema_says(folder, capsys):
    text = files("derive.cli").joinpath("schemas/deid-tokens.json").read_text(encoding="utf-8")
    for flags in each([[], ["--all"]], 2):
        assert main(["deid-tokens", str(folder), "--json", *flags]) == 0
        jsonschema.Draft202012Validator(json.loads(text)).validate(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_list_that_cannot_be_read_is_refused(tmp_path, content):
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with raises_code("DEID-TOKENS"):
        read_tokens(path)


def test_words_are_compared_without_case_and_numbers_are_whole():
    assert tokens_in(["Thorax,2 T1w 5.0mm GRÖSSE_x"]) == {"thorax", "2", "t1w", "5.0", "mm", "grösse", "x"}
