"""Private attributes that a site tells of: what they are (``[private_dictionary]``), and which may stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from derive.elements.spans import VRS
from derive.errors import UsageError
from derive.told.wording import did_you_mean

_ADDRESS = re.compile(r"""\(?\s*([0-9A-Fa-f]{4})\s*,\s*(["'])(.+)\2\s*,\s*(?:xx)?([0-9A-Fa-f]{2})\s*\)?""")
_KNOWN_VRS = frozenset(VRS.values())
_SAID = ("vr", "vm", "name", "keep")


@dataclass(frozen=True)
class PrivateEntry:
    """A private attribute that a site tells of.

    Parameters
    ----------
    group : int
    creator : str
        Who defines it.
    element : int
        The last two digits of its tag.
    vr, vm, name : str
        Empty where the site says none.
    keep : bool
        Whether the site vouches that it identifies nobody.
    """

    group: int
    creator: str
    element: int
    vr: str = ""
    vm: str = ""
    name: str = ""
    keep: bool = False

    def __post_init__(self) -> None:
        if not self.group & 1:
            raise UsageError("DEID-PRIVATE", f"{self.group:04X} is no private group: those are odd (PS3.5 7.8)")
        if not 0 <= self.element <= 0xFF:
            raise UsageError("DEID-PRIVATE", f"{self.element} is no element of a block; wanted is one of 00 to FF")
        if not self.creator.strip():
            raise UsageError("DEID-PRIVATE", "a private attribute is told by its creator, which is empty")
        if self.vr and self.vr not in _KNOWN_VRS:
            raise UsageError("DEID-PRIVATE", f"there is no VR {self.vr!r}; there are {', '.join(sorted(_KNOWN_VRS))}")


def private_address(text: str) -> tuple[int, str, int]:
    """Return group, creator and element of ``(0029,"SIEMENS CSA HEADER",10)``.

    Raises
    ------
    UsageError
        ``DEID-PRIVATE`` for what is no such address.

    Examples
    --------
    >>> private_address('(0029,"SIEMENS CSA HEADER",10)')
    (41, 'SIEMENS CSA HEADER', 16)
    """
    found = _ADDRESS.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            "DEID-PRIVATE",
            f"{text!r} names no private attribute; wanted is group, creator and element: "
            '(0029,"SIEMENS CSA HEADER",10)',
        )
    return int(found[1], 16), found[3].strip(), int(found[4], 16)


def dictionary_entries(table: Mapping[str, object]) -> tuple[PrivateEntry, ...]:
    """Read a ``[private_dictionary]``: by address a VR, or what is said of vr, vm, name and keep.

    Raises
    ------
    UsageError
        ``DEID-PRIVATE``.

    Examples
    --------
    >>> dictionary_entries({'(0021,"MY STATION",01)': "DS"})[0].vr
    'DS'
    """
    found = []
    for address, said in table.items():
        group, creator, element = private_address(address)
        fields = {"vr": said} if isinstance(said, str) else said
        if not isinstance(fields, Mapping):
            raise UsageError("DEID-PRIVATE", f"{address} wants a VR, or a table of {', '.join(_SAID)}")
        if unknown := [name for name in fields if name not in _SAID]:
            raise UsageError(
                "DEID-PRIVATE",
                f"{address} says {unknown[0]!r}{did_you_mean(unknown[0], _SAID)}; known are {', '.join(_SAID)}",
            )
        texts = {name: str(fields.get(name, "")) for name in ("vr", "vm", "name")}
        found.append(PrivateEntry(group, creator, element, **texts, keep=fields.get("keep", False) is True))
    return tuple(found)


def kept_entries(tables: Iterable[Mapping[str, object]]) -> tuple[PrivateEntry, ...]:
    """Read ``[[private.keep]]``: a group, a creator, and the elements of its block that identify nobody.

    Raises
    ------
    UsageError
        ``DEID-PRIVATE``.

    Examples
    --------
    >>> [e.element for e in kept_entries([{"group": 0x19, "creator": "SIEMENS MR HEADER", "elements": [12, "0E"]}])]
    [12, 14]
    """
    found = []
    for table in tables:
        elements = table.get("elements")
        if {*table} != {"group", "creator", "elements"} or not isinstance(elements, list):
            raise UsageError("DEID-PRIVATE", "[[private.keep]] wants a group, a creator, and a list of elements")
        group = _number(table["group"])
        found += [PrivateEntry(group, str(table["creator"]).strip(), _number(e), keep=True) for e in elements]
    return tuple(found)


def _number(said: object) -> int:
    if isinstance(said, int):
        return said
    try:
        return int(str(said).removeprefix("xx"), 16)
    except ValueError:
        raise UsageError("DEID-PRIVATE", f"{said!r} is no number of a group or an element") from None
