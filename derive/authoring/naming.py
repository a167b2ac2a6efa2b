"""What a caller says of a quantity: what it is, by which code, and what defines it (PS3.3 C.7.6.16.2.11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import codes
from codes import Code
from derive.errors import UsageError
from derive.model.volume import Definition, Number
from derive.told.wording import flag

#: What a quantity is called (CID 7180), and what names a part of its definition (CID 9000).
_QUANTITIES, _DESCRIPTORS = 7180, 9000
#: Coding schemes that are told from a value, on whichever side of the colon they stand.
_SCHEMES = frozenset({"DCM", "SCT", "UMLS", "NCIt", "LN", "RADLEX", "FMA", "IBSI", "UCUM"})
_NUMBER = re.compile(r"([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s+(\S{1,64})")
#: VR SH and LO.
_SHORT, _LONG = 16, 64


class NamedQuantity(NamedTuple):
    """What a quantity is, and by what it is defined."""

    concept: Code | None = None
    definition: Definition = ()


def named(concept: str | None, code: str | None, items: Mapping[str, str], units: str) -> NamedQuantity:
    """Return what somebody says of a quantity; nothing where nobody does.

    Parameters
    ----------
    concept : str, optional
        A code of CID 7180 by keyword, value or meaning, or ``SCHEME:VALUE:Meaning``; beside `code` its meaning.
    code : str, optional
        ``VALUE:SCHEME``.
    items : mapping name -> value
        A code of CID 9000, or ``SCHEME:VALUE:Meaning``, each; or a number and its unit, ``1000 s/mm2``.
    units : str
        That somebody said; empty where nobody did.

    Raises
    ------
    UsageError
        ``OP-CODE`` for a text that is no code, with the nearest matches; ``OP-UNITS`` where nobody said its units;
        ``OP-QUANTITY`` for a code without a meaning, and for a definition of nothing.
    """
    if concept is None and (code or items):
        wanted = flag("quantity", "TEXT")
        raise UsageError("OP-QUANTITY", f"a code, or a definition, of a quantity that nobody named; give {wanted}")
    if concept is None:
        return NamedQuantity()
    if not units:
        raise UsageError("OP-UNITS", f"a quantity has units; give {flag('units', 'TEXT')} beside {flag('quantity')}")
    what = _of_any(concept, _QUANTITIES) if code is None else _with_meaning(code, concept)
    return NamedQuantity(what, tuple((_of_any(name, _DESCRIPTORS), _value(text)) for name, text in items.items()))


def _with_meaning(text: str, meaning: str) -> Code:
    value, _, scheme = text.partition(":")
    if value in _SCHEMES or value.startswith("99"):
        value, scheme = scheme, value
    if not (0 < len(value) <= _SHORT and 0 < len(scheme) <= _SHORT and 0 < len(meaning) <= _LONG) or ":" in scheme:
        raise UsageError(
            "OP-CODE",
            f"{text!r:.80} is no code of a quantity; wanted VALUE:SCHEME of at most {_SHORT} characters each, "
            f"and at most {_LONG} of its meaning",
        )
    return Code(value, scheme, meaning, "")


def _of_any(text: str, group: int) -> Code:
    scheme, value, meaning = (*text.split(":", 2), "", "")[:3]
    if scheme and value and meaning and max(len(scheme), len(value)) <= _SHORT and len(meaning) <= _LONG:
        return Code(value, scheme, meaning, "")
    try:
        return codes.context_group(group).find(text)
    except codes.UnknownCode as error:
        known = f"or a code of any scheme, SCHEME:VALUE:Meaning, of at most {_SHORT}, {_SHORT} and {_LONG} characters"
        raise UsageError("OP-CODE", f"{error}; {known}") from None


def _value(text: str) -> Code | Number:
    number = _NUMBER.fullmatch(text.strip())
    if number is not None:
        try:
            return Number(float(number[1]), number[2])
        except ValueError:  # 1.2.3
            pass
    scheme, value, meaning = (*text.split(":", 2), "", "")[:3]
    if not (scheme and value and meaning and max(len(scheme), len(value)) <= _SHORT and len(meaning) <= _LONG):
        raise UsageError(
            "OP-CODE",
            f"{text!r:.80} defines no quantity; wanted a number and its unit (1000 s/mm2), or SCHEME:VALUE:Meaning",
        )
    return Code(value, scheme, meaning, "")
