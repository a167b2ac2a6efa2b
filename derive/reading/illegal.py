"""The one rule of what a source says illegally: it is as if it were not there.

It holds when headers become a source, before anything else looks at them: choosing, sorting, the window, numbers,
equipment, references. A value that is only spelled another way is read as what it means. ``illegal.tsv`` has the
exceptions: ``kept`` as it is (the keys by which an archive files a study), ``refused`` by name (what would change
values in silence), ``positive`` (a number that has to be above 0), ``beside KEYWORD`` (absent where that is not legal),
``shape`` (judged by its representation alone: its value is a matter of the decoder) and ``read`` (not judged: it is
made anew, and told apart value by value). UIDs of what others made are kept too.

*2026-11-30, patient and study.* They were pulled byte for byte, however illegal. An archive that rejects or splits a
study over a date ``anonymized`` helps nobody, and a validator says so; what identifies the patient, the request and
the study stays as it is all the same, since a study without them would be filed under somebody else.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from functools import cache
from importlib.resources import files

from pydicom.datadict import dictionary_VM, dictionary_VR, keyword_for_tag

from derive import standard
from derive.elements.charset import known_sets, named_set
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.encoding import numbers_of
from derive.elements.instance import State
from derive.elements.legal import faults
from derive.elements.memory import Memory
from derive.elements.mend import Mended, mended
from derive.errors import SourceError
from derive.model.classes import target_of
from derive.model.remark import ABSENT, ASSUMED, Remark
from derive.reading.assumed import element_assumed
from derive.reading.header import Header
from derive.standard import AttributeRule, Iod
from derive.told.wording import flag

_CHARACTER_SET, _SIGN = tag_of("SpecificCharacterSet"), tag_of("PixelRepresentation")
#: What only the decoder can judge.
_OF_LISTS = frozenset({"CHK-ENUM"})


class Lawful:
    """Applies the rule to headers, one after another; remembers what was found, so that it is judged once.

    Equal elements of a series are one object.
    """

    def __init__(self, assumptions: Mapping[str, str] | None = None) -> None:
        self._assumptions = {tag_of(k): (k, v) for k, v in (assumptions or {}).items()}
        self._memory = Memory()
        #: What is wrong with elements, by where they are in memory; those that are fine have nothing.
        self._known: dict[tuple[str, tuple[str, ...]], dict[int, tuple[Element, Mended | None]]] = {}

    def header(self, header: Header) -> Header:
        """Return a header as the rule has it."""
        if not header.readable:
            return header
        charset = header.elements.get(_CHARACTER_SET)
        if charset is not None and charset.stripped() and not (charset.vr == "CS" and known_sets(charset)):
            header = self._with(header, [(charset, _character_set(charset))])
        header = self._assumed(header, {_CHARACTER_SET} & self._assumptions.keys())
        iod, encodings = target_of(header.sop_class_uid).iod, header.encodings
        known = self._known.setdefault((iod.name, encodings), {})
        for element in (e for e in header.elements.values() if id(e) not in known):
            result = _judged(element, iod, encodings)
            known[id(element)] = element, result if result.fault else None
        found = [(e, wrong) for e in header.elements.values() if (wrong := known[id(e)][1]) is not None]
        header = self._with(header, found) if found else header
        return self._assumed(header, self._assumptions.keys() - {_CHARACTER_SET})

    def _assumed(self, header: Header, tags: Set[int]) -> Header:
        """Return a header in which a person's word stands where it says nothing legal itself."""
        lacking = [t for t in tags if header.state(t) is not State.FILLED]
        if not lacking:
            return header
        iod, now, solved = target_of(header.sop_class_uid).iod, dict(header.elements), set()
        sign = header.elements.get(_SIGN)
        for tag in sorted(lacking):
            keyword, text = self._assumptions[tag]
            signed = sign is not None and sign.value == b"\1\0"
            now[tag] = element_assumed(keyword, text, iod, header.encodings, signed)
            solved.add(keyword)
        remarks = [r for r in header.remarks if r.keyword not in solved or r.code != ABSENT]
        remarks += [Remark(ASSUMED, keyword, "a person said it") for keyword in sorted(solved)]
        return self._made(header, dict(sorted(now.items())), remarks)

    def _with(self, header: Header, found: Sequence[tuple[Element, Mended]]) -> Header:
        now, remarks = dict(header.elements), list(header.remarks)
        for element, result in found:
            remarks.append(_remark(element, result))
            if result.element is None:
                del now[element.tag]
                for beside in _beside().get(element.keyword, ()):
                    now.pop(tag_of(beside), None)
            else:
                now[element.tag] = result.element
        return self._made(header, now, remarks)

    def _made(self, header: Header, now: Mapping[int, Element], remarks: Sequence[Remark]) -> Header:
        tags = frozenset(header.tags - (header.elements.keys() - now.keys()) | now.keys())
        return replace(header, elements=self._memory.row(now), tags=self._memory.tags(tags), remarks=tuple(remarks))


def lawful(headers: Sequence[Header], assumptions: Mapping[str, str] | None = None) -> list[Header]:
    """Return headers in which what is not legal is not there, and what a person said instead is.

    Raises
    ------
    UsageError
        ``ASSUME-VALUE``
    """
    rule = Lawful(assumptions)
    return [rule.header(h) for h in headers]


def refuse_illegal(headers: Sequence[Header]) -> None:
    """Refuse by name what would change values in silence if it were simply not there.

    Raises
    ------
    SourceError
        ``SRC-VALUE``
    """
    for header in headers:
        for remark in header.remarks:
            if remark.code == ABSENT and _exceptions().get(remark.keyword) == "refused":
                raise SourceError(
                    "SRC-VALUE",
                    f"{header.name}: {remark.keyword} {remark.message}; "
                    f"a person can say it: {flag('assume', f'{remark.keyword}=VALUE')}",
                    keyword=remark.keyword,
                )


def _judged(element: Element, iod: Iod, encodings: tuple[str, ...]) -> Mended:
    rule = _rule(iod, element.tag)
    becomes = _exceptions().get(rule.keyword) if rule else "read"
    if rule is None or becomes == "read" or not element.value:
        return Mended(element)
    if becomes == "shape":
        wrong = [f for f in faults(element, rule, (), encodings) if f.code not in _OF_LISTS]
        return mended(element, rule, (), encodings) if wrong else _termed(element, iod, rule, encodings)
    result = mended(element, rule, standard.values(iod.name, rule.keyword), encodings)
    if becomes == "positive" and result.element is not None and not all(n > 0 for n in numbers_of(result.element)):
        return Mended(None, "is not above 0")
    if result.element is None and becomes == "kept":
        return Mended(element, result.fault, kept=True)
    return result


def _termed(element: Element, iod: Iod, rule: AttributeRule, encodings: tuple[str, ...]) -> Mended:
    """Terms without case, and nothing else of what is listed."""
    result = mended(element, rule, standard.values(iod.name, rule.keyword), encodings)
    return result if result.element is not None else Mended(element)


def _character_set(element: Element) -> Mended:
    """Names of character sets that are none, where what they mean is plain."""
    plain = named_set(element)
    return Mended(plain, "names no character set of the standard")


def _remark(element: Element, result: Mended) -> Remark:
    code = ABSENT if result.element is None else "SRC-KEPT" if result.kept else "SRC-MENDED"
    return Remark(code, keyword_of(element.tag), result.fault)


@cache
def _rule(iod: Iod, tag: int) -> AttributeRule | None:
    """The rule of the IOD; that of the dictionary for what no module has; None for what nobody knows."""
    keyword = standard.keyword_of(tag) or keyword_for_tag(tag) or ""
    if keyword in iod.attributes:
        return iod.attributes[keyword]
    private = standard.safe_private_of(tag)
    if private is not None:
        return AttributeRule(keyword_of(tag), tag, private.vr, private.vm, "3", "", "", ())
    if not keyword_for_tag(tag):
        return None
    return AttributeRule(keyword, tag, dictionary_VR(tag), dictionary_VM(tag), "3", "", "", ())


@cache
def _exceptions() -> Mapping[str, str]:
    """``illegal.tsv``: what becomes of attributes that are not simply absent, by keyword."""
    text = files(__package__).joinpath("illegal.tsv").read_text(encoding="utf-8")
    return {line["keyword"]: line["becomes"] for line in csv.DictReader(text.splitlines(), delimiter="\t")}


@cache
def _beside() -> Mapping[str, tuple[str, ...]]:
    """What says nothing without another attribute, by the keyword of that."""
    found: dict[str, tuple[str, ...]] = {}
    for keyword, becomes in _exceptions().items():
        if becomes.startswith("beside "):
            other = becomes.removeprefix("beside ")
            found[other] = (*found.get(other, ()), keyword)
    return found


@cache
def kept_illegal() -> frozenset[str]:
    """Return the keywords of attributes that stay as they are, however illegal: keys by which archives file a study."""
    return frozenset(keyword for keyword, becomes in _exceptions().items() if becomes == "kept")
