"""What is proposed for an association: presentation contexts for parcels, never too many for one (PS3.8 9.3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from derive.pacs.parcel import Parcel

#: Presentation Context IDs are odd and fit a byte.
MOST = 128
#: What an instance can be encoded in if its own transfer syntax is not taken; the one that names its VRs first.
FALLBACKS = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))


class Context(NamedTuple):
    """One proposal; it names one transfer syntax, so that the answer leaves no choice open."""

    sop_class_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True)
class Group:
    """Parcels that one association can carry.

    Parameters
    ----------
    contexts : tuple of Context
        At most 128.
    parcels : tuple of Parcel
        In the order in which they were given.
    """

    contexts: tuple[Context, ...]
    parcels: tuple[Parcel, ...]


def wanted(parcel: Parcel) -> tuple[Context, ...]:
    """Contexts that can carry a parcel, best first: as it is encoded, then Explicit, then Implicit VR Little Endian."""
    syntaxes = dict.fromkeys((parcel.transfer_syntax_uid, *FALLBACKS))
    return tuple(Context(parcel.sop_class_uid, syntax) for syntax in syntaxes)


def by_series(parcels: Iterable[Parcel]) -> list[list[Parcel]]:
    """Parcels of each series, in the order in which they were given."""
    found: dict[tuple[str, str], list[Parcel]] = {}
    for parcel in parcels:
        found.setdefault((parcel.study_instance_uid, parcel.series_instance_uid), []).append(parcel)
    return list(found.values())


def groups(parcels: Sequence[Parcel], most: int = MOST) -> list[Group]:
    """Distribute parcels over as few associations as their contexts need, mostly one.

    Parameters
    ----------
    parcels : sequence of Parcel
    most : int
        Contexts of one association, at least 3.

    Returns
    -------
    list of Group
        All instances of the same class and transfer syntax are in the same one.
    """
    contexts: list[dict[Context, None]] = []
    held: list[list[Parcel]] = []
    place: dict[Context, int] = {}
    for parcel in parcels:
        own, *_ = needed = wanted(parcel)
        if own not in place:
            place[own] = _first_fit(contexts, needed, most)
            if place[own] == len(held):
                held.append([])
        held[place[own]].append(parcel)
    return [Group(tuple(c), tuple(p)) for c, p in zip(contexts, held, strict=True)]


def _first_fit(contexts: list[dict[Context, None]], needed: Sequence[Context], most: int) -> int:
    """Put contexts where they fit, in a new place if they must; return which."""
    for index, those in enumerate(contexts):
        if len(those) + sum(c not in those for c in needed) <= most:
            those.update(dict.fromkeys(needed))
            return index
    contexts.append(dict.fromkeys(needed))
    return len(contexts) - 1
