"""Pixel scripts of the RSNA Clinical Trial Processor: ``{ signature } (x,y,w,h) (x,y,w,h)``.

A signature is made of terms ``Identifier.method("text")`` with ``+`` (or), ``*`` (and, binds more), ``!`` (not) and
parentheses; an identifier is a keyword, ``[gggg,eeee]`` or ``[ggggeeee]``, behind the sequences that hold it with
``::``. What stands outside of braces and parentheses is comment. The first signature that an image matches holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from derive.deidentification.pixels.box import Box
from derive.deidentification.templates.condition import RELATIONS, AnyOf, Criterion, Every, Not, Test
from derive.deidentification.templates.template import Template
from derive.elements.element import tag_of
from derive.errors import UsageError
from derive.told.wording import did_you_mean

_METHODS = tuple(name for name in RELATIONS if name not in ("finds", "isOneOf"))
_TERM = r'[A-Za-z\[][\w\[\],:]*\.\w+\s*\(\s*"(?:[^"\\]|\\.)*"\s*\)'
_TOKEN = re.compile(rf"\s*(?:(?P<term>{_TERM})|(?P<word>true\.|false\.)|(?P<sign>[+*!()]))\s*")
_PARTS = re.compile(r'([\w\[\],:]+)\.(\w+)\s*\(\s*"(.*)"\s*\)', re.DOTALL)
_TAG = re.compile(r"\[([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\]")
_COMMENT = re.compile(r"(?<!:)//[^\n]*")
_SECTION = re.compile(r'\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}([^{]*)')
_REGION = re.compile(r"\(([^()]*)\)")


def is_ctp(text: str) -> bool:
    """Whether a text is a script of CTP: a signature with a term, and a region."""
    found = _SECTION.search(_COMMENT.sub("", text))
    return bool(found and _TOKEN.search(found[1]) and _REGION.search(found[2]))


def read_ctp(text: str, name: str) -> tuple[Template, ...]:
    """Read the sections of a pixel script.

    Raises
    ------
    UsageError
        ``DEID-TEMPLATE``.
    """
    found = []
    bare = _COMMENT.sub("", text)
    for number, section in enumerate(_SECTION.finditer(bare), 1):
        place = f"{name}, section {number}"
        boxes = tuple(_box(region, place) for region in _REGION.findall(section[2]))
        if not boxes:
            raise UsageError("DEID-TEMPLATE", f"{place} has a signature and no region; wanted is (x,y,width,height)")
        found.append(Template(place, _Signature(section[1], place).read(), boxes))
    if re.search(r"[{}]", re.sub(_SECTION, lambda found: found[2], bare)):
        raise UsageError("DEID-TEMPLATE", f"{name}: a brace that is not closed, or not opened")
    return tuple(found)


def _box(region: str, place: str) -> Box:
    try:
        return Box.parse(region)
    except UsageError as error:
        raise UsageError("DEID-TEMPLATE", f"{place}: {error.message}") from None


class _Signature:
    """One signature while it is read, token by token."""

    def __init__(self, text: str, place: str) -> None:
        self.place = place
        self.tokens = [*self._tokens(text)]
        self.at = 0

    def _tokens(self, text: str) -> Iterator[str]:
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._error(f"{text[at:].strip()[:40]!r} is no term, operator or parenthesis")
            yield found.group().strip()
            at = found.end()

    def read(self) -> Criterion:
        condition = self._any()
        if self._next():
            raise self._error(f"{self._next()!r} stands where an operator is wanted")
        return condition

    def _next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _taken(self, sign: str) -> bool:
        taken = self._next() == sign
        self.at += taken
        return taken

    def _any(self) -> Criterion:
        parts = [self._all()]
        while self._taken("+"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all(self) -> Criterion:
        parts = [self._one()]
        while self._taken("*"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _one(self) -> Criterion:
        if self._taken("!"):
            return Not(self._one())
        if self._taken("("):
            inner = self._any()
            if not self._taken(")"):
                raise self._error("a parenthesis is not closed")
            return inner
        token = self._next()
        self.at += 1
        if token in ("true.", "false."):
            return Every() if token == "true." else Not(Every())
        parts = _PARTS.fullmatch(token)
        if parts is None:
            raise self._error(f"{token or 'its end'!r} stands where a term is wanted")
        return self._test(*parts.groups())

    def _test(self, identifier: str, method: str, text: str) -> Test:
        if method not in _METHODS:
            near = did_you_mean(method, _METHODS)
            raise self._error(f"there is no method {method!r}{near}; there are {', '.join(_METHODS)}")
        tags = tuple(self._tag(part) for part in identifier.split("::"))
        return Test(tags, method, re.sub(r"\\(.)", r"\1", text) if method != "matches" else text)

    def _tag(self, part: str) -> int:
        if found := _TAG.fullmatch(part):
            return int(found[1] + found[2], 16)
        try:
            return tag_of(part.replace("SeqOf", "SequenceOf"))
        except KeyError:
            raise self._error(f"there is no attribute {part!r}; wanted is a keyword or [gggg,eeee]") from None

    def _error(self, what: str) -> UsageError:
        return UsageError("DEID-TEMPLATE", f"{self.place}: {what}")
