"""A rule of a configuration, checked as it is read: its address, its method, and the settings of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from derive.deidentification.methods.registry import checked_rule
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
    return checked_rule(Rule(found, method, {**settings}, place, why))
