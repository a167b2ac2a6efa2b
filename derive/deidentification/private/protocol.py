"""Siemens' measurement protocol as text (``MrPhoenixProtocol``): what is between ``ASCCONV BEGIN`` and ``END``.

It is lines of ``name = value``. Numbers of the parts that ``protocol_parts.tsv`` names stay; of texts only those that
it gives a pattern, and only while they match it: a protocol has the UIDs and dates of reference images in it, names of
protocols that people typed, and a memory for whatever a sequence of the user's writes there. What is around it (XML
with serial numbers, and the evaluation) goes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from derive.deidentification.private.numbers import is_like_a_date

#: By it converters know that an attribute holds a protocol; what is in it goes.
_XML, _EMPTY_XML = "<XProtocol>", "<XProtocol> \n{\n}"
_BEGIN, _END = "### ASCCONV BEGIN", "### ASCCONV END ###"
#: What newer systems say in the line of the beginning, which readers skip.
_HEAD = re.compile(r"### ASCCONV BEGIN(?: (?:object|version|converter)=[\w@%/.]+)* ###")
_LINE = re.compile(r"\s*([A-Za-z_]\w*(?:\[\d+\])*(?:\.[A-Za-z_]\w*(?:\[\d+\])*)*)\s*=\s*(\S.*?)\s*")
_NUMBER = re.compile(r"[-+]?(?:0x[0-9A-Fa-f]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)")
_QUOTED = re.compile(r"(\"{1,2})([^\"]*)\1")
_INDEX = re.compile(r"\[\d+\]")


class _Parts(NamedTuple):
    numbers: frozenset[str]
    dropped: frozenset[str]
    texts: Mapping[str, re.Pattern[str]]


@cache
def _parts() -> _Parts:
    """Return the parts whose numbers stay, words that no name may have, and patterns of texts by the last word."""
    text = files(__package__).joinpath("protocol_parts.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines()[1:]]
    numbers = frozenset(name for name, holds, _ in rows if holds == "number")
    dropped = frozenset(name for name, holds, _ in rows if holds == "dropped")
    patterns = {name: re.compile(holds) for name, holds, _ in rows if name not in numbers | dropped}
    return _Parts(numbers, dropped, patterns)


def is_protocol(text: str) -> bool:
    """Whether there is a protocol in a text."""
    return _BEGIN in text


@lru_cache(maxsize=8)  # it is the same in all images of a series
def cleaned_protocol(text: str) -> str:
    r"""Return a protocol with what identifies nobody; empty for a text without one.

    Examples
    --------
    >>> cleaned_protocol('### ASCCONV BEGIN ###\nlAverages = 2\ntName = "DOE"\n### ASCCONV END ###').splitlines()
    ['### ASCCONV BEGIN ###', 'lAverages\t = \t2', '### ASCCONV END ###']
    """
    at = text.find(_BEGIN)
    found = [_EMPTY_XML] if at >= 0 and text.startswith(_XML) else []
    while at >= 0:
        end = text.find(_END, at)
        head, *lines = text[at : end if end >= 0 else len(text)].splitlines()
        stays = [line for raw in lines if (line := _cleaned_line(raw))]
        begin = head.strip() if _HEAD.fullmatch(head.strip()) else f"{_BEGIN} ###"
        found += [begin, *stays, _END]
        at = text.find(_BEGIN, end) if end >= 0 else -1
    return "\n".join(found)


def _cleaned_line(raw: str) -> str:
    line = _LINE.fullmatch(raw.partition("#")[0].rstrip() if '"' not in raw else raw)
    if line is None:
        return ""
    name, value = line[1], line[2]
    words = _INDEX.sub("", name).split(".")
    if _parts().dropped & {*words}:
        return ""
    quoted = _QUOTED.fullmatch(value)
    if quoted is None:
        is_number = _NUMBER.fullmatch(value) is not None and not is_like_a_date(value)
        stays = is_number and words[0] in _parts().numbers
    else:
        pattern = _parts().texts.get(words[-1])
        stays = pattern is not None and pattern.fullmatch(quoted[2]) is not None
    return f"{name}\t = \t{value}" if stays else ""
