"""Our policy beside another reading of the standard: every difference is argued in the row that makes it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

import pytest

from derive import standard
from derive.authoring.policy import Action, Row, row
from derive.model.classes import made_class_uids
from derive.model.derivation import Derivation, GeometryEffect, Step
from tests.conftest import STANDARD_TABLES
from tests.helpers.asserting import each

TABLE = STANDARD_TABLES / "derived_policy.tsv"
#: What the columns of the table are about, as derivations.
STEPS = {
    "a_filter": Step("filter", None, "", geometry_effect=GeometryEffect.KEEPS_GRID),
    "b_resample_MPR": Step("resample", None, "", geometry_effect=GeometryEffect.NEW_GRID),
    "c_projection": Step("projection", None, "", geometry_effect=GeometryEffect.PROJECTION),
}
PULLED, MADE, GONE = {Action.PULL}, {Action.RECOMPUTE}, {Action.DROP, Action.EMPTY}
#: Words of the table, and the actions of ours that are the same.
WORDS = {
    **dict.fromkeys(["PULL", "AGREE"], PULLED),
    **dict.fromkeys(["EARLIEST", "UNION", "OR", "STICKY"], PULLED | MADE),
    **dict.fromkeys(["SET", "NEW", "RECOMPUTE"], MADE),
    "DROP": GONE,
}
#: How a row says why it is another action.
ARGUED = re.compile(r"\bnot (pulled|set|recomputed|dropped): \w")


def reading(cell: str) -> set[Action]:
    """Actions that a cell asks for."""
    return WORDS[re.split(r"\W", cell)[0]]


def differences() -> Iterator[tuple[str, Row]]:
    """Yield an attribute and our row of it, wherever an action is another one."""
    with TABLE.open(encoding="utf-8", newline="") as text:
        lines = list(csv.DictReader(text, delimiter="\t"))
    tables = [standard.iod(uid).attributes for uid in made_class_uids()]
    for line in each(lines):
        rules = [rule for rules in tables if (rule := rules.get(line["keyword"]))]
        for found in {(r.module, r.keyword): r for r in (row(rule.module, rule.keyword) for rule in rules)}.values():
            if any(found.action(Derivation((step,))) not in reading(line[column]) for column, step in STEPS.items()):
                yield line["keyword"], found


@pytest.fixture(scope="module")
def found() -> list[tuple[str, Row]]:
    if not TABLE.exists():
        pytest.skip(f"{TABLE.name} is not in {STANDARD_TABLES}; set DERIVE_STANDARD_TABLES")
    return list(differences())


def test_every_difference_has_a_row_of_its_own_that_argues_it(found):
    assert not [(r.module, keyword) for keyword, r in each(found) if not ARGUED.search(r.reason)]
    assert not [(r.module, keyword) for keyword, r in each(found) if r.keyword != keyword]


def test_the_other_reading_is_understood(found):
    assert reading("AGREE if same plane else DROP") == PULLED
    assert reading("SET, SLP=NO") == reading("RECOMPUTE") == MADE
    assert ("ActualFrameDuration", "pet-image") in {(keyword, r.module) for keyword, r in found}
