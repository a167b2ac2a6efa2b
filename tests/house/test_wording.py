"""A message speaks the language of the caller, and knows one from many."""

from __future__ import annotations

import ast
import csv
import re
from itertools import pairwise

import pytest

from derive.told.wording import Language, counted, did_you_mean, flag, speaking, spoken
from tests.helpers.asserting import each
from tests.house.test_layers import KNOWN, ROOT, name_of, tree_of
from tests.house.test_names import docstrings

LIBRARY = {
    name: path
    for name, path in KNOWN.items()
    if name.startswith("derive") and ".cli" not in name and "regenerate" not in name
}
#: Programs of others, whose flags are theirs in any language.
OTHERS = re.compile(r"gdcmconv --raw|^--psm$")
FLAG = re.compile(r"(?<![\w-])--[a-z]|(?<!\w)-o [A-Z]")
#: A number in front of a noun that has a plural of its own: ``f"{n} images"`` is wrong of one.
PLURAL = re.compile(r"^ (images|files|instances|frames|errors|warnings|findings|studies)\b")
#: Where repeated positions are told: of them there are always several.
SEVERAL = ("derive.reading.planes", "derive.inspection.text")


def words_of(path):
    """Text that may be shown: constants that are no docstrings, those inside of f-strings too."""
    tree = tree_of(path)
    constants = {n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return [OTHERS.sub("", n.value) for n in constants - docstrings(tree)]


@pytest.mark.parametrize("path", LIBRARY.values(), ids=name_of)
def test_no_message_of_the_library_spells_a_flag(path):
    assert [text for text in words_of(path) if FLAG.search(text)] == []


def test_no_table_spells_a_flag():
    tables = [p for p in (ROOT / "derive").rglob("*.tsv") if not {"cli", "standard"} & set(p.parts)]
    cells = [
        (p.name, cell)
        for p in each(tables, 5)
        if p.name != "wording.tsv"
        for row in csv.reader(p.open(encoding="utf-8"), delimiter="\t", quoting=csv.QUOTE_NONE)
        for cell in row
    ]
    assert [(name, cell) for name, cell in each(cells) if FLAG.search(OTHERS.sub("", cell))] == []


@pytest.mark.parametrize("path", LIBRARY.values(), ids=name_of)
def test_no_plural_is_a_parenthesis(path):
    assert [text for text in words_of(path) if re.search(r"\w\(s\)|\w\(es\)", text)] == []


@pytest.mark.parametrize("path", [p for name, p in LIBRARY.items() if name not in SEVERAL], ids=name_of)
def test_a_number_before_a_noun_is_counted(path):
    pairs = [p for n in ast.walk(tree_of(path)) if isinstance(n, ast.JoinedStr) for p in pairwise(n.values)]
    behind = [b.value for a, b in pairs if isinstance(a, ast.FormattedValue) and isinstance(b, ast.Constant)]
    assert [text for text in behind if PLURAL.search(str(text))] == []


@pytest.mark.parametrize(
    ("said", "python", "command_line"),
    [
        (("series", "UID"), "series=UID", "--series UID"),
        (("series", "1.2.840.1"), 'series="1.2.840.1"', "--series 1.2.840.1"),
        (("series",), "series=", "--series"),
        (("overwrite",), "overwrite=True", "--overwrite"),
        (("values", "scale=1,0"), 'values="scale=1,0"', "--values scale=1,0"),
        (("spacing_mm", "X Y Z"), "spacing_mm=(X, Y, Z)", "--spacing-mm X Y Z"),
        (("spacing_xyz", "0.8 0.8 2"), "spacing_xyz=(0.8, 0.8, 2)", "--spacing-mm 0.8 0.8 2"),
        (("kind", "secondary-capture"), 'kind="secondary-capture"', "--as secondary-capture"),
        (("set", "KVP=VALUE"), 'set={"KVP": VALUE}', "--set KVP=VALUE"),
        (("set",), "set=", "--set"),
        (("patient",), 'patient=derive.Patient(ID, "FAMILY^GIVEN")', "--patient-id ID --patient-name FAMILY^GIVEN"),
        (("assume", "Units=BQML"), 'assume={"Units": BQML}', "--assume Units=BQML"),
    ],
)
def test_a_flag_is_said_in_the_language_of_the_caller(said, python, command_line):
    assert flag(*said) == python
    with speaking(Language.COMMAND_LINE):
        assert flag(*said) == command_line
        assert spoken(f"give {{flag:{' '.join(said)}}}!") == f"give {command_line}!"
    assert spoken(f"give {{flag:{' '.join(said)}}}!") == f"give {python}!"


def test_the_language_ends_with_whoever_chose_it():
    with pytest.raises(KeyError), speaking(Language.COMMAND_LINE):
        raise KeyError
    assert flag("overwrite") == "overwrite=True"


@pytest.mark.parametrize("noun", ["image", "series", "study", "axis", "index", "batch", "array", "entry"])
def test_one_is_one_and_many_are_many(noun):
    odd = {"series": "series", "study": "studies", "index": "indexes", "batch": "batches", "entry": "entries"}
    many = odd.get(noun, "axes" if noun == "axis" else f"{noun}s")
    assert counted(1, noun) == f"1 {noun}"
    assert counted(0, noun, "axes" * (noun == "axis")) == f"0 {many}"


def test_a_hint_is_given_where_something_is_near():
    assert did_you_mean("Seris", ["series", "set"]) == "; did you mean series?"
    assert did_you_mean("blur", ["gaussian-blur", "mip"]) == "; did you mean gaussian-blur?"
    assert did_you_mean("", ["series"]) == ""
