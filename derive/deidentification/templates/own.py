"""Templates in TOML.

::

    [[template]]
    name = "dose report"
    when = { Modality = "CT", Manufacturer = "~GE", SeriesDescription = ["~Dose Report", "~Dose Summary"] }
    boxes = [[0, 0, 512, 110], "0,-40,*,40"]

    [[template]]
    when = { Modality = "US" }
    us_regions = true
    keep_only = true                     # all outside of the regions is blanked

A text must be one of the values of the attribute, whatever its case; with ``~`` before it, it must be found in them;
with ``!`` before either, it must not. An empty text is for an attribute that is absent or empty; a list holds where
one of it does. ``sequences.inside`` are joined by a dot. The first template that an image matches holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from pydicom.datadict import keyword_dict, keyword_for_tag

from derive.deidentification.pixels.box import Box
from derive.deidentification.templates.condition import AnyOf, Criterion, Every, Not, Test, There
from derive.deidentification.templates.template import WHOLE, Template
from derive.elements.element import tag_told
from derive.elements.instance import State
from derive.errors import UsageError
from derive.told.wording import did_you_mean

_SAID = ("name", "when", "boxes", "keep_only", "us_regions", "further")


def read_own(tables: Sequence[object], name: str) -> tuple[Template, ...]:
    """Read the tables ``[[template]]``.

    Raises
    ------
    UsageError
        ``DEID-TEMPLATE``, ``DEID-TAG``.
    """
    return tuple(_template(table, f"{name}, template {number}") for number, table in enumerate(tables, 1))


def _template(table: object, place: str) -> Template:
    if not isinstance(table, Mapping):
        raise UsageError("DEID-TEMPLATE", f"{place} is no table; wanted is [[template]]")
    if unknown := [key for key in table if key not in _SAID]:
        near = did_you_mean(unknown[0], _SAID)
        raise UsageError("DEID-TEMPLATE", f"{place}: there is no {unknown[0]!r}{near}; there are {', '.join(_SAID)}")
    flags = {key: table.get(key, False) for key in ("keep_only", "us_regions", "further")}
    if wrong := [key for key, value in flags.items() if not isinstance(value, bool)]:
        raise UsageError("DEID-TEMPLATE", f"{place}: {wrong[0]} is true or false")
    boxes = table.get("boxes", [])
    if not isinstance(boxes, list) or not (boxes or flags["us_regions"]):
        raise UsageError("DEID-TEMPLATE", f"{place} wants boxes = [[x, y, width, height], ...], or us_regions = true")
    when = table.get("when", {})
    if not isinstance(when, Mapping):
        raise UsageError("DEID-TEMPLATE", f'{place}: when is a table, such as {{ Modality = "CT" }}')
    condition = Every(tuple(_condition(str(k), said, place) for k, said in when.items()))
    told = str(table.get("name") or place)
    return Template(told, condition, tuple(_box(box, place) for box in boxes), **flags)


def _box(said: object, place: str) -> Box:
    if said == "all":
        return WHOLE
    try:
        return Box.parse(",".join(map(str, said)) if isinstance(said, list) else str(said))
    except UsageError as error:
        raise UsageError("DEID-TEMPLATE", f"{place}: {error.message}") from None


def _condition(keyword: str, said: object, place: str) -> Criterion:
    tags = tags_of(keyword, place)
    if isinstance(said, list):
        return AnyOf(tuple(_test(tags, str(text)) for text in said))
    if isinstance(said, str | int | float):
        return _test(tags, str(said))
    raise UsageError("DEID-TEMPLATE", f"{place}: {keyword} wants a text, a number, or a list of them")


def _test(tags: tuple[int, ...], text: str) -> Criterion:
    if text.startswith("!"):
        return Not(_test(tags, text[1:]))
    if not text:
        return There(tags, frozenset([State.ABSENT, State.EMPTY]))
    return Test(tags, "containsIgnoreCase", text[1:]) if text.startswith("~") else Test(tags, "isOneOf", text)


def tags_of(keyword: str, place: str) -> tuple[int, ...]:
    """Return the tags of a keyword, or (gggg,eeee), behind the sequences that hold it.

    Raises
    ------
    UsageError
        ``DEID-TAG``.
    """
    tags = [(part, tag_told(part) or _of_repeating_group(part)) for part in keyword.split(".")]
    if unknown := [part for part, tag in tags if tag is None]:
        near = did_you_mean(unknown[0], keyword_dict)
        raise UsageError(
            "DEID-TAG", f"{place}: there is no attribute {unknown[0]!r}{near}; wanted is a keyword or (gggg,eeee)"
        )
    return tuple(tag for _, tag in tags if tag is not None)


@cache
def _of_repeating_group(keyword: str) -> int | None:
    """Tag in the first overlay or curve of a keyword of repeating groups (PS3.5 7.6), as ``OverlayDescription``."""
    tags = (group | element for group in (0x60000000, 0x50000000) for element in range(0x4001))
    return next((tag for tag in tags if keyword_for_tag(tag) == keyword), None)
