"""A rule of a configuration, checked as it is read: its address, its method, and the settings of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydicom.datadict import dictionary_VR

from derive.deidentification.methods.plain import ANONYMOUS
from derive.deidentification.methods.registry import METHODS, checked_rule
from derive.deidentification.profile.needed import NEEDED, is_spared
from derive.deidentification.profile.rule import Address, Rule
from derive.elements.element import keyword_of
from derive.errors import UsageError
from derive.rewriting.stored import AttributePath
from derive.standard.value_syntax import fault
from derive.standard.vr import TEXT_VRS


def address_of(text: str, place: str) -> Address:
    """Return an address.

    Raises
    ------
    UsageError
        ``DEID-ADDRESS`` for what names no attribute.
    """
    try:
        return Address(text)
    except UsageError as error:
        raise UsageError(error.code, f"{place}: {error.message}") from None


def rule_of(address: Address | str, method: str, settings: Mapping[str, Any], place: str, why: str = "") -> Rule:
    """Return a rule.

    Parameters
    ----------
    address : Address or str
    method : str
        Whatever its case.
    settings : mapping of str to object
    place : str
        Where it stands, for messages and for the report.
    why : str

    Raises
    ------
    UsageError
        ``DEID-ADDRESS``, ``DEID-METHOD``, ``DEID-SETTING``.
    """
    found = address if isinstance(address, Address) else address_of(address, place)
    rule = checked_rule(Rule(found, method, {**settings}, place, why))
    _refuse_needed(rule)
    _refuse_value(rule)
    return rule


def _refuse_value(rule: Rule) -> None:
    """Refuse a new text that is no value of the attributes that a rule is for, as far as it is known which they are."""
    text = rule.settings.get("replace_with", ANONYMOUS if "replace_with" in METHODS[rule.method].settings else None)
    vrs = [vr for vr in rule.address.known_vrs if vr in TEXT_VRS]
    if not isinstance(text, str) or not vrs:
        return
    wrong = next((w for value in text.split("\\") if (w := fault(vrs[0], value))), None)
    if wrong is not None:
        raise UsageError("DEID-SETTING", f"{rule.told}: the new value of {rule.address.text} ({vrs[0]}) {wrong}")


def _refuse_needed(rule: Rule) -> None:
    """Refuse to take away by its own name what an object cannot be without; a mask has no say over it."""
    if not rule.address.known_vrs:
        return
    for tag in NEEDED:
        vr = dictionary_VR(tag)
        names_it = rule.address.matches(AttributePath(tag, vr)) and not rule.address.matches(AttributePath(tag ^ 1, vr))
        if names_it and is_spared(AttributePath(tag, vr), rule.method):
            raise UsageError(
                "DEID-METHOD",
                f"{rule.told}: no object can be without {keyword_of(tag)}, and {rule.method} takes it away or makes "
                "another thing of it; wanted is keep, or refreshUID for what an object is told by",
            )
