"""Every row of the table of conditions, both ways, generated from the table: what is required or banned is found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Any

import pytest

from derive import standard
from derive.checking.instance import Judged
from derive.checking.judges import InstanceChecks
from derive.elements.element import Element, tag_told
from derive.elements.encoding import encode
from derive.standard import AttributeRule, Iod, conditions
from derive.standard.conditions import ANY, ITEM, NOT_JUDGED, OTHERWISE, Condition

ROWS = conditions.conditions()
TOP = [row for row in ROWS if row.module != ITEM and row.keyword != ANY]
JUDGED = [row for row in TOP if row.judged]
BANNING = [row for row in TOP if row.banned != NOT_JUDGED]
OF_ITEMS = [row for row in ROWS if row.module == ITEM]
OF_MODULES = [row for row in ROWS if row.keyword == ANY and row.judged]
IODS = [standard.iod(uid) for uid in standard.sop_class_uids()]
#: A value of each VR, which no test of the table asks for.
SAMPLES: dict[str, Any] = {
    **dict.fromkeys(("DS", "FD", "FL"), 1.5),
    **dict.fromkeys(("IS", "US", "SS", "UL", "US or SS"), 1),
    "SQ": [{"CodeValue": "0", "CodingSchemeDesignator": "DCM", "CodeMeaning": "x"}],
    **{"DA": "20200101", "TM": "120000", "UI": "1.2", "UR": "https://example.org", "AT": 0x00181063, "OV": b"\0" * 8},
    **dict.fromkeys(("OW", "OB or OW", "OB"), b"\0\0"),
}
MOST = 5000


def sample(keyword: str) -> Any:
    return SAMPLES.get(standard_vr(keyword), "X")


def standard_vr(keyword: str) -> str:
    rules = (iod.all_rules[keyword][0].vr for iod in IODS if keyword in iod.all_rules)
    return next(rules, "LO")


def candidates(texts: set[str], keyword: str) -> list[Any]:
    """Values of a keyword that make the atoms of some tests hold, and one that does not; None: it is absent."""
    found: list[Any] = [None, sample(keyword)]
    atoms = [atom.split(" ", 2) for text in texts for way in text.split(" or ") for atom in way.split(" and ")]
    for name, operation, value in (atom for atom in atoms if len(atom) == 3):
        plain, _, number = name.rstrip("]").partition("[")
        if plain != keyword:
            continue
        if operation == ">":
            found.append(int(value) + 1)
        elif operation == "codes":
            found.append([{"CodeValue": value, "CodingSchemeDesignator": "DCM", "CodeMeaning": "x"}])
        else:
            text = value.split("|")[0]
            found.append([*["X"] * (int(number) - 1), text] if number else text)
    return found


def assignments(row: Condition) -> Iterator[dict[str, Any]]:
    """Values of all that a row reads, in every way that could matter."""
    texts = {row.test, row.banned} - {NOT_JUDGED, OTHERWISE}
    keywords = sorted(row.reads)
    for values in product(*(candidates(texts, keyword) for keyword in keywords)):
        yield {k: v for k, v in zip(keywords, values, strict=True) if v is not None}


def rules_of(row: Condition) -> list[tuple[Iod, AttributeRule]]:
    """Where the attribute of a row stands, and that row is its condition."""
    return [
        (iod, rules[0])
        for iod in IODS
        for rules in [iod.all_rules.get(row.keyword, ())]
        if rules and rules[0].type in ("1C", "2C") and conditions.condition_of(rules[0]) is row
    ]


def evidence(iod: Iod, row: Condition, module: str) -> dict[str, Any]:
    """An attribute that shows a module to be there, and that the row does not read."""
    mandatory = {use.module for use in iod.modules if use.usage == "M"}
    apart = row.reads | {row.keyword}
    own = (k for k, rules in iod.all_rules.items() if [r.module for r in rules] == [module] and k not in apart)
    return {} if module in mandatory else {k: sample(k) for k in islice(own, 1)}


def is_whole(iod: Iod, row: Condition) -> bool:
    """Whether an attribute is all of a module that is not mandatory: nothing else shows the module to be there."""
    own = {keyword for keyword, rules in iod.all_rules.items() if any(rule.module == row.module for rule in rules)}
    mandatory = {use.module for use in iod.modules if use.usage == "M"}
    return own == {row.keyword} and row.module not in mandatory


def elements_of(values: Mapping[str, Any]) -> dict[int, Element]:
    tags = {keyword: tag_told(keyword) for keyword in values}  # those of repeating groups have none of their own
    return {tag: encode(keyword, values[keyword]) for keyword, tag in tags.items() if tag is not None}


def cases(row: Condition, *, present: bool) -> Iterator[Judged]:
    """Instances with and without what the row reads; of the attribute itself the value, or no value, or nothing."""
    for iod, rule in rules_of(row):
        for values in assignments(row):
            own = {} if not present else {row.keyword: values.get(row.keyword, sample(row.keyword))}
            others = {k: v for k, v in values.items() if k != row.keyword}
            ways = [own, {row.keyword: ""}] if present and rule.type == "2C" else [own]
            for way in ways:
                elements = elements_of(evidence(iod, row, rule.module) | others | way)
                yield Judged(name="x", iod=iod, elements=elements)


def codes_of(instance: Judged, keyword: str) -> set[str]:
    return {f.code for f in InstanceChecks().findings(instance) if f.path == keyword}


def first(row: Condition, *, present: bool, bans: bool | None = None, holds: bool | None = None) -> Judged:
    """The first instance of which the row says so."""
    for instance in islice(cases(row, present=present), MOST):
        said = row.bans(instance.iod.name, instance.value), row.holds(instance.iod.name, instance.value)
        if (bans is None or said[0] is bans) and (holds is None or said[1] is holds):
            return instance
    raise AssertionError(f"no instance of which {row} says so")


def name_of(row: Condition) -> str:
    return f"{row.module}-{row.keyword}"


def test_the_table_has_rows_of_each_kind():
    assert len(JUDGED) > 40
    assert len(BANNING) > 20
    assert len(OF_ITEMS) > 8
    assert len(OF_MODULES) > 2


@pytest.mark.parametrize("row", BANNING, ids=name_of)
def test_what_is_there_and_banned_is_found(row):
    wanted = "CHK-BANNED" if row.firm else "CHK-UNWANTED"
    assert wanted in codes_of(first(row, present=True, bans=True), row.keyword)


@pytest.mark.parametrize("row", TOP, ids=name_of)
def test_what_is_there_and_allowed_stays(row):
    found = codes_of(first(row, present=True, bans=False), row.keyword)
    assert found.isdisjoint({"CHK-BANNED", "CHK-UNWANTED"})


@pytest.mark.parametrize("row", JUDGED, ids=name_of)
def test_what_is_required_and_not_there_is_found(row):
    instance = first(row, present=False, holds=True)
    if is_whole(instance.iod, row):  # without it the module is what is not there
        assert "CHK-MODULE" in codes_of(instance, row.module)
    else:
        assert "CHK-CONDITION" in codes_of(instance, row.keyword)


@pytest.mark.parametrize("row", JUDGED, ids=name_of)
def test_what_is_not_required_need_not_be_there(row):
    assert "CHK-CONDITION" not in codes_of(first(row, present=False, holds=False), row.keyword)


@pytest.mark.parametrize("row", OF_ITEMS, ids=name_of)
@pytest.mark.parametrize("wanted", [True, False])
def test_an_attribute_of_an_item_is_required_where_its_row_says_so(row, wanted):
    ways = [values for values in assignments(row) if row.holds(ITEM, values.get) is wanted]
    assert ways
    found = conditions.required_in_item(row.keyword, ways[0].get)
    assert (found is row) is wanted


@pytest.mark.parametrize("row", OF_MODULES, ids=name_of)
@pytest.mark.parametrize("wanted", [True, False])
def test_a_module_that_is_required_and_not_there_is_found(row, wanted):
    iods = [iod for iod in IODS if any(u.module == row.module and u.usage == "C" for u in iod.modules)]
    assert iods
    ways = [(iod, v) for iod in iods for v in assignments(row) if row.holds(iod.name, v.get) is wanted]
    iod, values = ways[0]
    assert ("CHK-MODULE" in codes_of(Judged(name="x", iod=iod, elements=elements_of(values)), row.module)) is wanted
