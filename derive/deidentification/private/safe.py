"""Which private attributes are known to identify nobody: PS3.15 Table E.3.10-1, and ``known.tsv`` with its sources.

A row is found by group, creator and the last two digits of the tag: which block a file gives a creator, or a PACS
has moved it to, makes no difference (PS3.5 7.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pydicom._private_dict import private_dictionaries
from pydicom.datadict import private_dictionary_VR

from derive import standard
from derive.deidentification.private.entries import PrivateEntry
from derive.rewriting.stored import AttributePath

_TABLE = "PS3.15 Table E.3.10-1"


class SafeRow(NamedTuple):
    """A private attribute that is known to identify nobody.

    Parameters
    ----------
    group : int
    creator : str
    element : int
        The last two digits of its tag.
    vr, name : str
    cleaner : str
        The method that makes it safe; empty where its VR says enough.
    source : str
        Who says so.
    """

    group: int
    creator: str
    element: int
    vr: str
    name: str
    cleaner: str
    source: str


def safe(path: AttributePath) -> SafeRow | None:
    """Return what is known of a private attribute; None for any that nobody has called safe."""
    if not path.is_private or path.is_creator or not path.creator:
        return None
    return safe_rows().get((path.tag >> 16, path.creator, path.tag & 0xFF))


@cache
def safe_rows() -> Mapping[tuple[int, str, int], SafeRow]:
    """All rows, by group, creator and element."""
    rows = [
        SafeRow(row.group, row.creator, row.element, row.vr, row.name, "", f"{_TABLE} {row.edition}")
        for row in standard.safe_private_rows()
    ]
    text = files(__package__).joinpath("known.tsv").read_text(encoding="utf-8")
    for line in text.splitlines()[1:]:
        creator, tag, vr, name, cleaner, source = line.split("\t")
        rows.append(SafeRow(int(tag[1:5], 16), creator, int(tag[8:10], 16), vr, name, cleaner, source))
    return {(row.group, row.creator, row.element): row for row in rows}


@cache
@cache
def known_creators() -> frozenset[str]:
    """Return the Private Creators that a dictionary has: names of formats, whoever is called like them."""
    return frozenset(private_dictionaries) | {creator for _, creator, _ in safe_rows()}


def private_vr(group: int, creator: str, element: int, entries: tuple[PrivateEntry, ...] = ()) -> str:
    """Return the VR of a private attribute that a file does not tell: ``UN`` where nobody knows.

    Parameters
    ----------
    group : int
    creator : str
    element : int
        The last two digits of its tag.
    entries : tuple of PrivateEntry
        What a site tells; it comes first.
    """
    for entry in entries:
        if (entry.group, entry.creator, entry.element) == (group, creator, element) and entry.vr:
            return entry.vr
    row = safe_rows().get((group, creator, element))
    return row.vr if row is not None else _theirs(group, creator, element)


@cache
def _theirs(group: int, creator: str, element: int) -> str:
    try:
        found = private_dictionary_VR(group << 16 | 0x1000 | element, creator)
    except KeyError:
        return "UN"
    return found if len(found) == 2 else "UN"
