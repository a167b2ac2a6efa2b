"""What multi-frame images say in other terms than single-frame ones, and the way back, by ``terms.tsv``.

Where a value is the same under another keyword ``functional_groups.tsv`` tells it. Here stands what takes a test:
Scanning Sequence is told by Echo Pulse Sequence and three others, Units of PET by the code of a mapping. A line says
``to`` which form it leads, of which ``keyword`` it gives a value, if its ``test`` holds (``standard.conditions``;
``iod`` is the IOD of the image that is read, and a path with ``>`` leads into the only item of a sequence):

=============  ===============================================================================
``number`` 2   it is value 2; of several lines for one value the first whose test holds counts
``number`` +   it is one more value, of every line whose test holds
``number`` -   it is the value
``value``      the term itself; ``{Keyword}`` what is said there, ``{Keyword[3]}`` value 3 of it, ``{Keyword|how}``
               as ``macro_values`` tells; ``@name`` what the function of that name in ``term_values`` finds
=============  ===============================================================================

Nothing is invented: where no line tells it, an attribute stays absent. What an image says itself stays as it is, but
for Image Type, whose terms are others in the two forms; the frame's own stay under Frame Type.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple, TypeAlias

from pydicom.datadict import dictionary_VR

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.model.macro_values import called
from derive.model.term_values import FOUND, Telling
from derive.standard import conditions

#: Which form an image is to be told in.
Form: TypeAlias = Literal["classic", "enhanced"]

_REPLACED = "ImageType"
_COPIED = re.compile(r"\{([\w>]+)(?:\[(\d+)\])?(?:\|(\w+))?\}")
_ALWAYS = "-"


class TermLine(NamedTuple):
    """What is said, and when."""

    number: str
    value: str
    test: str


class TermLines(NamedTuple):
    """The lines of each attribute, and the tags of everything that they read."""

    of: Mapping[str, tuple[TermLine, ...]]
    reads: tuple[int, ...]

    def reads_of(self, keyword: str) -> tuple[int, ...]:
        """Return the tags that the lines of one attribute read, in the order of the lines."""
        read = (found for line in self.of[keyword] for found in sorted(_reads(line)))
        return tuple(dict.fromkeys(map(tag_of, read)))


def terms(form: Form, iod_name: str, elements: Mapping[int, Element]) -> dict[int, Element]:
    """Return what an image says in the terms of a form.

    Parameters
    ----------
    form : {"classic", "enhanced"}
        ``classic``: of a frame of a multi-frame image, flattened; ``enhanced``: of a single-frame image.
    iod_name : str
        IOD of the image that is read: ``enhanced-mr-image``.
    elements : mapping tag -> Element
        What it says.

    Returns
    -------
    dict tag -> Element
        What is to be added.
    """
    lines = lines_of(form, iod_name)
    read = tuple(e for tag in lines.reads if (e := elements.get(tag)) is not None)
    return dict(_added(form, iod_name, read)) if read else {}


@lru_cache(maxsize=4096)
def _added(form: Form, iod_name: str, read: tuple[Element, ...]) -> Mapping[int, Element]:
    """Return what is added beside what is read. Frames of an instance say much the same, so that it is found once."""
    there = {e.tag: e for e in read}
    found: dict[int, Element] = {}
    for keyword, lines in lines_of(form, iod_name).of.items():
        tag = tag_of(keyword)
        own = there.get(tag)
        if own is None or not own.stripped() or keyword == _REPLACED:
            said = _said(keyword, lines, iod_name, Telling(there | found))
            found |= {} if said is None else {tag: said}
    return found


def _said(keyword: str, lines: Iterable[TermLine], iod_name: str, said: Telling) -> Element | None:
    holding = [line for line in lines if line.test == _ALWAYS or conditions.holds(line.test, iod_name, said.value)]
    if not holding:
        return None
    if holding[0].number == "-":
        return next((e for e in (_element(keyword, line.value, said) for line in holding) if e is not None), None)
    texts = _each(holding, said) if holding[0].number == "+" else _numbered(holding, said)
    return encode(keyword, texts) if texts else None


def _element(keyword: str, value: str, said: Telling) -> Element | None:
    copied = _COPIED.fullmatch(value)
    if copied and not copied[2]:
        element = said.element(copied[1])
        return called(element, keyword, copied[3] or "") if element is not None and element.stripped() else None
    found = _text(value, said) if copied or not value.startswith("@") else FOUND[value[1:]].of(said)
    return None if found is None else encode(keyword, found)


def _each(lines: Iterable[TermLine], said: Telling) -> list[str]:
    return [text for line in lines if (text := _text(line.value, said))]


def _numbered(lines: Iterable[TermLine], said: Telling) -> list[str]:
    """Return values from the first on, as far as there is one for each number."""
    found: dict[int, str] = {}
    for line in lines:
        text = _text(line.value, said)
        if text:
            found.setdefault(int(line.number), text)
    texts: list[str] = []
    while len(texts) + 1 in found:
        texts.append(found[len(texts) + 1])
    return texts


def _text(value: str, said: Telling) -> str | None:
    copied = _COPIED.fullmatch(value)
    if not copied:
        return value
    values = said.texts(copied[1])
    number = int(copied[2] or 1)
    return values[number - 1] if len(values) >= number and values[number - 1] else None


@cache
def said_by(keyword: str) -> str:
    """Return the keyword by which a single-frame image says what has no value representation of its own on a line.

    >>> said_by("AnatomicRegionSequence"), said_by("IrradiationEventUID")
    ('BodyPartExamined', 'IrradiationEventUID')
    """
    function = next((r["value"][1:] for r in _rows() if (r["keyword"], r["value"][:1]) == (keyword, "@")), None)
    return FOUND[function].reads[0] if function and dictionary_VR(tag_of(keyword)) == "SQ" else keyword


@cache
def _rows() -> tuple[Mapping[str, str], ...]:
    text = files(__package__).joinpath("terms.tsv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))


@cache
def lines_of(form: Form, iod_name: str) -> TermLines:
    """Return the lines that lead an image of an IOD to a form."""
    found: dict[str, list[TermLine]] = {}
    for row in _rows():
        if row["to"] == form and _concerns(row["test"], iod_name):
            found.setdefault(row["keyword"], []).append(TermLine(row["number"], row["value"], row["test"]))
    read = {keyword for lines in found.values() for line in lines for keyword in _reads(line)}
    return TermLines({k: tuple(lines) for k, lines in found.items()}, tuple(sorted(map(tag_of, read | found.keys()))))


def _concerns(test: str, iod_name: str) -> bool:
    """Tell whether a test may hold for an IOD: one of its ways begins with no IOD, or with this one."""
    ways = (way.split(" ", 2) for way in test.split(" or "))
    return any(words[0] != "iod" or iod_name in words[1].split("|") for words in ways)


def _reads(line: TermLine) -> set[str]:
    keywords = set() if line.test == _ALWAYS else set(conditions.reads(line.test))
    copied = _COPIED.fullmatch(line.value)
    keywords |= {copied[1]} if copied else set()
    keywords |= set(FOUND[line.value[1:]].reads) if line.value.startswith("@") else set()
    # A mapping counts where it is that of rescaling.
    beside = {"RescaleSlope", "RescaleIntercept"} if any(">" in k for k in keywords) else set()
    return {keyword.partition(">")[0] for keyword in keywords} | beside
