"""Filters of recipes of pydicom's deid: ``%filter`` sections, as far as they say coordinates.

A label is a list of criteria and of coordinates. A criterion that begins with ``+`` or ``||`` is joined with what
stands before it, one that begins with neither begins another check; within a line they are read from left to right.
All labels that an image matches are for it. Coordinates are ``xmin,ymin,xmax,ymax``; those of CTP
(``ctpcoordinates``) ``x,y,width,height``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from derive.deidentification.pixels.box import Box
from derive.deidentification.templates.condition import AnyOf, Criterion, Every, Not, Test, There
from derive.deidentification.templates.own import tags_of
from derive.deidentification.templates.template import WHOLE, Template
from derive.elements.instance import State
from derive.errors import UsageError

_ACTIONS = ("contains", "notcontains", "equals", "notequals", "missing", "present", "empty")
_STATES = {
    "missing": frozenset([State.ABSENT]),
    "present": frozenset([State.EMPTY, State.FILLED]),
    "empty": frozenset([State.EMPTY]),
}
_COORDINATES = re.compile(r"(ctp)?(keep)?coordinates\s*(.*)", re.IGNORECASE)
_NEXT_TEST = re.compile(rf"(\+|\|\|)\s*(?=(?:{'|'.join(_ACTIONS)})\s)", re.IGNORECASE)


def read_filters(lines: Iterable[str], name: str) -> tuple[Template, ...]:
    """Read the filters among the lines of a recipe; a label without coordinates blanks nothing and is left out.

    Raises
    ------
    UsageError
        ``DEID-TEMPLATE``, ``DEID-TAG``.
    """
    return tuple(t for label, members in _labels(lines) for t in _templates(label, members, name))


def _labels(lines: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """The labels of all sections %filter, with the lines that belong to each."""
    within, label, members = False, "", list[str]()
    for line in (*lines, "%end"):
        bare = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip()
        if bare.startswith("%") or (within and bare.upper().startswith("LABEL")):
            if label:
                yield label, members
            within = bare.lower().startswith("%filter") or (within and not bare.startswith("%"))
            label, members = bare[len("LABEL") :].strip() or "a label", []
            label = "" if bare.startswith("%") else label
        elif within and label and bare:
            members.append(bare)


def _templates(label: str, members: list[str], name: str) -> Iterator[Template]:
    place = f"{name}, label {label}"
    coordinates = [found for line in members if (found := _COORDINATES.fullmatch(line))]
    if not coordinates:
        return
    when = _criteria([line for line in members if not _COORDINATES.fullmatch(line)], place)
    for keep in (False, True):
        said = [found for found in coordinates if bool(found[2]) is keep]
        boxes = tuple(box for found in said if (box := _box(found[3].strip(), bool(found[1]), place)))
        regions = any(found[3].strip().startswith("from:") for found in said)
        if said:
            yield Template(place, when, boxes, keep_only=keep, us_regions=regions, further=True)


def _box(text: str, ctp: bool, place: str) -> Box | None:
    if text == "all":
        return WHOLE
    if text.startswith("from:"):
        if text != "from:SequenceOfUltrasoundRegions":
            raise UsageError("DEID-TEMPLATE", f"{place}: coordinates are known from:SequenceOfUltrasoundRegions alone")
        return None
    numbers = [part.strip() for part in text.split(",")]
    if len(numbers) != 4 or not all(re.fullmatch(r"\d{1,6}", part) for part in numbers):
        raise UsageError("DEID-TEMPLATE", f"{place}: {text[:40]!r} is no four numbers xmin,ymin,xmax,ymax")
    x, y, right, bottom = map(int, numbers)
    width, height = (right, bottom) if ctp else (right - x, bottom - y)
    if width <= 0 or height <= 0:
        raise UsageError("DEID-TEMPLATE", f"{place}: {text} is a box of nothing; wanted is xmin,ymin,xmax,ymax")
    return Box(x, y, width, height)


def _criteria(lines: list[str], place: str) -> Criterion:
    """Checks of which one must hold, each joined from left to right; without any it is for every image."""
    checks: list[Criterion] = []
    for line in lines:
        sign, rest = (
            ("+", line[1:]) if line.startswith("+") else ("||", line[2:]) if line.startswith("||") else ("", line)
        )
        condition = _line(rest.strip(), place)
        if sign and checks:
            checks[-1] = _joined(checks[-1], sign, condition)
        else:
            checks.append(condition)
    return AnyOf(tuple(checks)) if len(checks) > 1 else checks[0] if checks else Every()


def _line(text: str, place: str) -> Criterion:
    first, *others = _NEXT_TEST.split(text)
    condition = _test(first, place)
    for sign, test in zip(others[::2], others[1::2], strict=True):
        condition = _joined(condition, sign, _test(test, place))
    return condition


def _joined(before: Criterion, sign: str, after: Criterion) -> Criterion:
    return Every((before, after)) if sign == "+" else AnyOf((before, after))


def _test(text: str, place: str) -> Criterion:
    action, _, rest = text.strip().partition(" ")
    keyword, _, value = rest.strip().partition(" ")
    action = action.lower()
    if action not in _ACTIONS or not keyword or (action not in _STATES and not value.strip()):
        raise UsageError(
            "DEID-TEMPLATE",
            f"{place}: {text.strip()[:60]!r} is no criterion; wanted is one of {', '.join(_ACTIONS)} with a keyword, "
            "and what it contains or equals",
        )
    tags = tags_of(_hex_told(keyword), place)
    if action in _STATES:
        return There(tags, _STATES[action])
    relation, said = ("finds", value.strip()) if action.endswith("contains") else ("isOneOf", value.strip())
    test = AnyOf(tuple(Test(tags, relation, part) for part in ([said] if relation == "finds" else said.split("|"))))
    return Not(test) if action.startswith("not") else test


def _hex_told(keyword: str) -> str:
    found = re.fullmatch(r"0x([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})", keyword)
    return f"({found[1]},{found[2]})" if found else keyword
