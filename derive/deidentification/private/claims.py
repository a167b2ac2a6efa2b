"""What an instance says of its own private attributes: Private Data Element Characteristics (PS3.3 C.12.1.1.7).

It speaks of the whole instance, items of sequences among it. A block is SAFE, UNSAFE or MIXED; of a MIXED one the
elements that identify nobody are listed, and of any the elements that do, with what is to become of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, encode_item
from derive.elements.instance import Instance
from derive.rewriting.stored import AttributePath

CHARACTERISTICS = tag_of("PrivateDataElementCharacteristicsSequence")
_ACTIONS = frozenset("DZXU")


class Block(NamedTuple):
    """What an instance says of the attributes of one creator in one group.

    Parameters
    ----------
    is_safe : bool
        None of them identifies anybody.
    safe : frozenset of int
        The last two digits of those that do not.
    actions : mapping of int to str
        What is to become of those that do: D, Z, X or U.
    """

    is_safe: bool
    safe: frozenset[int]
    actions: Mapping[int, str]

    def action(self, element: int) -> str:
        """Return ``K`` for what identifies nobody, an action for what does; empty for what nothing is said of."""
        if element in self.actions:
            return self.actions[element]
        return "K" if self.is_safe or element in self.safe else ""


Claims = Mapping[tuple[int, str], Block]


def claims_of(instance: Instance) -> Claims:
    """Return what an instance says of its private attributes, by group and creator; of most it is nothing."""
    element = instance.elements.get(CHARACTERISTICS)
    return _claims(element, instance.encodings) if element is not None else {}


@lru_cache(maxsize=64)
def _claims(element: Element, encodings: tuple[str, ...]) -> Claims:
    holder = Instance("an instance", {element.tag: element}, strict=False, around=encodings)
    found: dict[tuple[int, str], Block] = {}
    for item in holder.items("PrivateDataElementCharacteristicsSequence"):
        group, creator = item.integer("PrivateGroupReference"), item.text("PrivateCreatorReference").strip()
        if group is None or not creator:
            continue
        status = item.text("BlockIdentifyingInformationStatus").strip()
        # An instance may say SAFE and MIXED of the same block twice: then only what is listed counts.
        safe = frozenset(int(n) for n in item.numbers("NonidentifyingPrivateElements")) if status == "MIXED" else ()
        before = found.get((group, creator), Block(status == "SAFE", frozenset(), {}))
        found[group, creator] = Block(
            before.is_safe and status == "SAFE", before.safe | frozenset(safe), {**before.actions, **_actions(item)}
        )
    return found


def _actions(item: Instance) -> dict[int, str]:
    found: dict[int, str] = {}
    for step in item.items("DeidentificationActionSequence"):
        action = step.text("DeidentificationAction").strip()
        for number in step.numbers("IdentifyingPrivateElements"):
            found[int(number)] = action if action in _ACTIONS else "X"
    return found


def characteristics(kept: Iterable[AttributePath]) -> Element | None:
    """Say of the private attributes that an instance still has that they identify nobody.

    Parameters
    ----------
    kept : iterable of AttributePath
        All attributes that the result has, at every depth; others than private ones do not count.

    Returns
    -------
    Element or None
        Private Data Element Characteristics Sequence; None for a result without private attributes.

    Notes
    -----
    2026-11-30: a block is called MIXED with a list, never SAFE: an archive that adds an attribute to a block
    afterwards would else have it called safe by us.
    """
    found: dict[tuple[int, str], set[int]] = defaultdict(set)
    for path in kept:
        if path.is_private and path.creator and not path.is_creator:
            found[path.tag >> 16, path.creator].add(path.tag & 0xFF)
    items = [
        encode_item(
            {
                "PrivateGroupReference": group,
                "PrivateCreatorReference": creator,
                "BlockIdentifyingInformationStatus": "MIXED",
                "NonidentifyingPrivateElements": sorted(elements),
            }
        )
        for (group, creator), elements in sorted(found.items())
    ]
    return encode("PrivateDataElementCharacteristicsSequence", items) if items else None
