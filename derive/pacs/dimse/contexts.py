"""What is proposed for an association: presentation contexts for sendables, never too many for one (PS3.8 9.3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from derive.pacs.sendable import Sendable

#: Presentation Context IDs are odd and fit a byte.
MOST = 128
#: What an instance can be encoded in if its own transfer syntax is not taken; the one that names its VRs first.
FALLBACKS = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))


class Context(NamedTuple):
    """One proposal; it names one transfer syntax, so that the answer leaves no choice open."""

    sop_class_uid: str
    transfer_syntax_uid: str


@dataclass(frozen=True)
class AssociationLoad:
    """Instances that one association can carry.

    Parameters
    ----------
    contexts : tuple of Context
        At most 128.
    sendables : tuple of Sendable
        In the order in which they were given.
    """

    contexts: tuple[Context, ...]
    sendables: tuple[Sendable, ...]


def wanted(sendable: Sendable) -> tuple[Context, ...]:
    """Contexts that can carry an instance, best first: as it is, then Explicit, then Implicit VR Little Endian."""
    syntaxes = dict.fromkeys((sendable.transfer_syntax_uid, *FALLBACKS))
    return tuple(Context(sendable.sop_class_uid, syntax) for syntax in syntaxes)


def split_by_series(sendables: Iterable[Sendable]) -> list[list[Sendable]]:
    """Instances of each series, in the order in which they were given."""
    found: dict[tuple[str, str], list[Sendable]] = {}
    for sendable in sendables:
        found.setdefault((sendable.study_instance_uid, sendable.series_instance_uid), []).append(sendable)
    return list(found.values())


def groups(sendables: Sequence[Sendable], most: int = MOST) -> list[AssociationLoad]:
    """Distribute instances over as few associations as their contexts need, mostly one.

    Parameters
    ----------
    sendables : sequence of Sendable
    most : int
        Contexts of one association, at least 3.

    Returns
    -------
    list of AssociationLoad
        All instances of the same class and transfer syntax are in the same one.
    """
    contexts: list[dict[Context, None]] = []
    held: list[list[Sendable]] = []
    place: dict[Context, int] = {}
    for sendable in sendables:
        own, *_ = needed = wanted(sendable)
        if own not in place:
            place[own] = _first_fit(contexts, needed, most)
            if place[own] == len(held):
                held.append([])
        held[place[own]].append(sendable)
    return [AssociationLoad(tuple(c), tuple(p)) for c, p in zip(contexts, held, strict=True)]


def _first_fit(contexts: list[dict[Context, None]], needed: Sequence[Context], most: int) -> int:
    """Put contexts where they fit, in a new place if they must; return which."""
    for index, those in enumerate(contexts):
        if len(those) + sum(c not in those for c in needed) <= most:
            those.update(dict.fromkeys(needed))
            return index
    contexts.append(dict.fromkeys(needed))
    return len(contexts) - 1
