"""A rule of a configuration, checked as it is read: its address, its method, and the settings of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from derive.deidentification.methods.registry import Method, checked_method
from derive.deidentification.rule import Address, Rule
from derive.errors import UsageError


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
    known = checked_method(method, settings, place)
    _can_be_asked(found, known, place)
    return Rule(found, known.name, {**settings}, place, why)


def _can_be_asked(address: Address, method: Method, place: str) -> None:
    """Refuse a method for an attribute that it never can be for; of masks and VRs that is not known here."""
    last = address.text.rpartition(".")[2].strip()
    tag = tag_for_keyword(last)
    if tag is None or not method.vrs:
        return
    vrs = dictionary_VR(tag).split(" or ")
    if not any(method.is_for(vr) for vr in (*vrs, "UN")) and "SQ" not in vrs:
        raise UsageError(
            "DEID-METHOD",
            f"{place}: {method.name} is not for {last}, whose value representation is {' or '.join(vrs)}; it is for "
            f"{', '.join(sorted(method.vrs))}",
        )
