"""What a person says of a source that it does not say itself, or says illegally: ``--assume Keyword=Value``.

It stands where nothing legal stands, in every image, and never in the place of what a source says. Whatever a command
reads is read as if the files said it; the account, the record of the result and the report say that a person did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword

from derive import standard
from derive.elements.charset import is_text, known_sets
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.elements.legal import problem
from derive.elements.meaning import same
from derive.errors import UsageError
from derive.model.remark import ASSUMED
from derive.reading.header import Header
from derive.standard import AttributeRule, Iod
from derive.standard.vr import TEXT_VRS
from derive.told.wording import counted, did_you_mean

_INTEGERS = frozenset(["US", "SS", "UL", "SL", "SV", "UV", "US or SS"])
_FLOATS = frozenset(["FL", "FD"])
#: What says which image, or which object, this is: nobody can say it for all images at once.
_NEVER = frozenset({"SOPInstanceUID", "SOPClassUID"})
#: Code of what a source says itself.
LEGAL = "ASSUME-LEGAL"
_CHARACTER_SET = tag_of("SpecificCharacterSet")


def checked_assumptions(assume: Mapping[str, object] | None) -> dict[str, str]:
    """Return what is assumed, as text.

    Parameters
    ----------
    assume : mapping keyword -> value, optional
        Text as it would stand in a file, several values joined by a backslash; or numbers, or a sequence of values.

    Raises
    ------
    UsageError
        ``ASSUME-KEYWORD`` for what is no keyword of PS3.6, ``ASSUME-FORBIDDEN`` for what cannot be said of all images
        at once: sequences and what is in them, pixels, and which instance an image is.
    """
    found: dict[str, str] = {}
    for keyword, value in (assume or {}).items():
        if tag_for_keyword(keyword) is None:
            raise UsageError("ASSUME-KEYWORD", f"{keyword!r} is no keyword of PS3.6{did_you_mean(keyword, _known())}")
        vr = dictionary_VR(keyword)
        if keyword in _NEVER or not (vr in TEXT_VRS or vr in _INTEGERS or vr in _FLOATS):
            what = "a sequence" if vr == "SQ" else f"of VR {vr}" if keyword not in _NEVER else "what tells images apart"
            raise UsageError("ASSUME-FORBIDDEN", f"{keyword} is {what}, and cannot be assumed; correct the files")
        several = isinstance(value, Sequence) and not isinstance(value, str)
        text = "\\".join(map(str, value)) if several else str(value)  # type: ignore[call-overload]  # a sequence then
        if not is_text(text):
            raise UsageError("ASSUME-VALUE", f"{keyword} holds bytes that are no characters; give it as UTF-8")
        found[keyword] = text
    return found


def _known() -> set[str]:
    return {k for uid in standard.sop_class_uids() for k in standard.iod(uid).attributes}


def element_assumed(keyword: str, text: str, iod: Iod, encodings: Sequence[str], signed: bool) -> Element:
    """Encode what is assumed, for one class of images.

    Raises
    ------
    UsageError
        ``ASSUME-VALUE`` for text that is no value of the attribute, or that the character set does not have.
    """
    rule = iod.attributes.get(keyword) or _rule_of(keyword)
    try:
        element = encode(keyword, _value(rule, text), encodings, signed)
        fault = problem(element, rule, standard.values(iod.name, keyword), encodings)
        if element.tag == _CHARACTER_SET and not known_sets(element):
            fault = "names no character set of the standard"
    except (ValueError, OverflowError, AttributeError, TypeError):
        fault = "cannot be encoded"
    if not text.strip() or fault:
        raise UsageError(
            "ASSUME-VALUE", f"{keyword}, as it is assumed, {fault or 'is empty'} (VR {rule.vr}, VM {rule.vm})"
        )
    return element


def _value(rule: AttributeRule, text: str) -> object:
    parts = text.split("\\")
    if rule.vr in _INTEGERS:
        return [int(p) for p in parts]
    if rule.vr in _FLOATS:
        return [float(p) for p in parts]
    return parts if len(parts) > 1 else text


def _rule_of(keyword: str) -> AttributeRule:
    return AttributeRule(keyword, tag_of(keyword), dictionary_VR(keyword), dictionary_VM(keyword), "3", "", "", ())


def used(headers: Sequence[Header], assumptions: Mapping[str, str]) -> dict[str, str]:
    """Return what of all that is assumed was needed.

    Raises
    ------
    UsageError
        ``ASSUME-LEGAL`` for what every image says, and legally, another way.
    """
    needed = {r.keyword for h in headers for r in h.remarks if r.code == ASSUMED}
    for keyword, text in assumptions.items():
        if keyword in needed:
            continue
        for header in headers:
            element = header.elements.get(tag_of(keyword))
            iod = standard.iod(header.sop_class_uid)
            said = element_assumed(keyword, text, iod, header.encodings, element is not None and element.vr == "SS")
            if not same(element, said, header.encodings):
                raise UsageError(
                    LEGAL,
                    f"{keyword} is assumed, and all {counted(len(headers), 'image')} state it legally, {header.name} "
                    "otherwise; what a source says is not overridden. Leave it out, or correct the files",
                    keyword=keyword,
                )
    return {k: v for k, v in assumptions.items() if k in needed}
