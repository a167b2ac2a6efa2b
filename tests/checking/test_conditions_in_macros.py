"""Every row of the table of conditions inside functional groups, both ways, generated from the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import Any

import pytest
from pydicom.datadict import dictionary_VR

from derive import standard
from derive.checking.frames.groups import places, rules_of
from derive.checking.frames.instance import FrameChecks
from derive.checking.instance import Judged
from derive.elements.element import tag_of
from derive.elements.encoding import encode
from derive.model.functional_groups import SHARED
from derive.standard import AttributeRule, Iod, conditions
from derive.standard.conditions import ANY, NOT_JUDGED, Condition
from tests.checking.test_conditions import SAMPLES, candidates

ROWS = [row for row in conditions.macro_conditions() if row.judged and row.keyword != ANY]
BANNING = [row for row in ROWS if row.banned != NOT_JUDGED]
IODS = [standard.iod(uid) for uid in standard.sop_class_uids()]
MOST = 4000
TYPES = ("1", "1C", "2", "2C", "3")


def sample(keyword: str) -> Any:
    """A value that no test of the table asks for."""
    return SAMPLES.get(dictionary_VR(tag_of(keyword)), "X")


def ways_of(texts: set[str], keyword: str) -> list[Any]:
    absent, _, *others = candidates(texts, keyword)
    return [absent, sample(keyword), *others]


def iods_of(row: Condition) -> list[Iod]:
    tag = tag_of(row.module)
    return [iod for iod in IODS if tag in rules_of(iod) and path_to(rules_of(iod)[tag], row.keyword, ("1C", "2C"))]


def path_to(rule: AttributeRule, keyword: str, types: Sequence[str] = TYPES) -> tuple[str, ...]:
    """Keywords from the item of a macro down to an attribute of one of some types."""
    for inner in rule.items:
        if inner.keyword == keyword and inner.type in types:
            return (keyword,)
        below = path_to(inner, keyword, types)
        if below:
            return (inner.keyword, *below)
    return ()


def nested(path: tuple[str, ...], values: dict[str, Any]) -> dict[str, Any]:
    """An item in which values stand where an attribute does."""
    return values if len(path) == 1 else {path[0]: [nested(path[1:], values)]}


def instances(row: Condition, *, present: bool) -> Iterator[tuple[Judged, dict[str, Any]]]:
    """Images of one frame, with and without what the row reads: beside it, in another macro, or at the top."""
    texts = {row.test, row.banned} - {NOT_JUDGED, conditions.OTHERWISE}
    for iod in iods_of(row):
        rules = rules_of(iod)[tag_of(row.module)]
        path = path_to(rules, row.keyword)
        keywords = sorted(row.reads)
        for values in product(*(ways_of(texts, keyword) for keyword in keywords)):
            said = {k: v for k, v in zip(keywords, values, strict=True) if v is not None}
            own: dict[str, Any] = {row.keyword: sample(row.keyword)} if present else {}
            shared: dict[str, list[dict[str, Any]]] = {}
            top: dict[str, Any] = {}
            for keyword, value in said.items():
                if keyword != row.keyword:
                    put(iod, row, (own, shared, top), keyword, value)
            shared.setdefault(row.module, [{}])[0].update(nested(path, own))
            elements = {tag_of(k): encode(k, v) for k, v in top.items()}
            elements[SHARED] = encode("SharedFunctionalGroupsSequence", [shared])
            empty = encode("PerFrameFunctionalGroupsSequence", [{}])
            yield Judged(name="x", iod=iod, elements={**elements, empty.tag: empty}), said


def put(iod: Iod, row: Condition, where: tuple[dict[str, Any], ...], keyword: str, value: Any) -> None:
    own, shared, top = where
    macro = rules_of(iod)[tag_of(row.module)]
    beside = path_to(macro, keyword)
    if beside:
        own[keyword] = value
        return
    found = [path for tag, path in places().get(keyword, ()) if tag in rules_of(iod) and path.count(">") == 2]
    if not found:
        top[keyword] = value
        return
    sequence, _, leaf = found[0].split(">")
    shared.setdefault(sequence, [{}])[0][leaf] = value


def codes_of(instance: Judged, keyword: str) -> set[str]:
    return {f.code for f in FrameChecks().findings(instance) if f.path.endswith(f">{keyword}")}


def first(row: Condition, *, present: bool, bans: bool | None = None, holds: bool | None = None) -> Judged:
    """The first instance of which the row says so."""
    for instance, said in islice(instances(row, present=present), MOST):
        has = {**said, row.keyword: sample(row.keyword) if present else None}.get
        if (bans is None or row.bans(instance.iod.name, has) is bans) and (
            holds is None or row.holds(instance.iod.name, has) is holds
        ):
            return instance
    raise AssertionError(f"no instance of which {row} says so")


def name_of(row: Condition) -> str:
    return f"{row.module}-{row.keyword}"


def test_the_table_of_macros_has_rows_of_each_kind():
    assert len(ROWS) > 120
    assert len(BANNING) > 25


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_what_is_required_of_a_macro_and_not_there_is_found(row):
    assert "CHK-CONDITION" in codes_of(first(row, present=False, holds=True), row.keyword)


@pytest.mark.parametrize("row", ROWS, ids=name_of)
def test_what_is_not_required_of_a_macro_need_not_be_there(row):
    assert "CHK-CONDITION" not in codes_of(first(row, present=False, holds=False), row.keyword)


@pytest.mark.parametrize("row", BANNING, ids=name_of)
def test_what_is_banned_from_a_macro_is_found(row):
    assert "CHK-UNWANTED" in codes_of(first(row, present=True, bans=True), row.keyword)


@pytest.mark.parametrize("row", BANNING, ids=name_of)
def test_what_may_be_in_a_macro_stays(row):
    assert "CHK-UNWANTED" not in codes_of(first(row, present=True, bans=False), row.keyword)
