"""Types of segments that PS3.16 knows, and of which category each is (CID 7150, CID 7151)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from codes import Code

_SCT = "SCT"
#: Groups of types, each of the category that PS3.16 has it for; regions of the body (CID 4) are anatomy.
_CATEGORIES = {
    7192: ("91723000", "Anatomical Structure"),
    7191: ("85756007", "Tissue"),
    7193: ("260787004", "Physical object"),
    7194: ("49755003", "Morphologically Abnormal Structure"),
    7195: ("246464006", "Function"),
    7196: ("309825002", "Spatial and Relational Concept"),
    7197: ("91720002", "Body Substance"),
    7198: ("105590001", "Substance"),
    4: ("91723000", "Anatomical Structure"),
}


class KnownType(NamedTuple):
    """A type.

    Parameters
    ----------
    meaning : str
        As the standard words it.
    categories : tuple of Code
        Of the groups that hold it.
    """

    meaning: str
    categories: tuple[Code, ...]


def known_type(scheme: str, value: str) -> KnownType | None:
    """Return what the standard says of a code; None of one that is in none of its groups of types.

    >>> known_type("SCT", "10200004").meaning
    'Liver'
    """
    return _known().get((scheme, value))


@cache
def _known() -> Mapping[tuple[str, str], KnownType]:
    from pydicom.sr.codedict import codes  # large, and of use for segments only

    found: dict[tuple[str, str], KnownType] = {}
    for group, category in _CATEGORIES.items():
        for concept in getattr(codes, f"cid{group}").concepts.values():
            place, own = (concept.scheme_designator, concept.value), Code(category[0], _SCT, category[1], "")
            meaning, others = found.get(place, (concept.meaning, ()))
            found[place] = KnownType(meaning, tuple(dict.fromkeys((*others, own))))
    return found
