"""An original and what was written of it, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from derive.deidentification.check.content import OPTION, content_demand, is_value
from derive.deidentification.check.demands import Demand, Demands, Want
from derive.deidentification.check.needles import Searcher
from derive.deidentification.check.spots import Spot
from derive.deidentification.check.violation import Violation, violation
from derive.deidentification.check.walk import Leaf, Walked

#: Private Data Element Characteristics (PS3.3 C.12.1.1.7): the items, and what they say of a block.
_STATED, _GROUP, _CREATOR, _STATUS, _SAFE = 0x00080300, 0x00080301, 0x00080302, 0x00080303, 0x00080304
_WHOLE_BLOCK = -1
_SOP_CLASS, _PATIENT_ID, _STUDY = 0x00080016, 0x00100020, 0x0020000D
_EQUIPMENT, _PURPOSE, _CODE_VALUE = 0x0018A001, 0x0040A170, 0x00080100
#: De-identifying Equipment (PS3.16 CID 7005).
_DEIDENTIFYING = b"109104"


@dataclass(frozen=True, eq=False)
class Pair:
    """A written file beside its original.

    Parameters
    ----------
    original : Walked or None
        None where nobody has it.
    output : Walked
    demands : Demands
    searcher : Searcher
    file : str
        For violations.
    vouched : bool
        Whether a person, or a method that decides nothing by chance, answers for the pixels.
    """

    original: Walked | None
    output: Walked
    demands: Demands
    searcher: Searcher
    file: str = ""
    vouched: bool = False

    @cached_property
    def sop_class_uid(self) -> str:
        """Of the written file."""
        return self.output.text(_SOP_CLASS)

    @cached_property
    def patient(self) -> str:
        """Whose the original is: the Patient ID; the study of one that names nobody."""
        return (self.original.text(_PATIENT_ID) or self.original.text(_STUDY)) if self.original else ""

    @cached_property
    def before(self) -> dict[Spot, dict[tuple[int, ...], Leaf]]:
        """The leaves of the original by their spot and items."""
        return self.original.by_spot if self.original else {}

    @property
    def after(self) -> dict[Spot, dict[tuple[int, ...], Leaf]]:
        """The leaves of the written file by their spot and items."""
        return self.output.by_spot

    @cached_property
    def _by_concept(self) -> bool:
        profile = self.demands.profile
        return profile.is_confidential and profile.has(OPTION)

    @cached_property
    def own_items(self) -> frozenset[tuple[int, ...]]:
        """The items of Contributing Equipment that say who de-identified, and are not of the original."""
        codes = self.output.at(_EQUIPMENT, _PURPOSE, _CODE_VALUE).values()
        found = {leaf.at[:1] for leaf in codes if self.output.value(leaf) == _DEIDENTIFYING}
        before = self.original.at(_EQUIPMENT).values() if self.original else ()
        count = sum(leaf.items for leaf in before)
        return frozenset(at for at in found if at[0] >= count)

    @cached_property
    def stated_safe(self) -> frozenset[tuple[int, str, int]]:
        """Private attributes that the original itself says are safe, by group, creator and last byte."""
        return stated_safe(self.original) if self.original else frozenset()

    def is_stated_safe(self, spot: Spot) -> bool:
        """Whether a private attribute may stay since the original says that it is safe, and the option asks for it."""
        whole = spot.tag >> 16, spot.creator, _WHOLE_BLOCK
        one = spot.tag >> 16, spot.creator, spot.tag & 0xFF
        return self.demands.profile.has("safe-private") and not self.stated_safe.isdisjoint((whole, one))

    def has_group(self, group: int) -> bool:
        """Whether the written file has anything of a group."""
        return any(spot.above is None and spot.tag >> 16 == group for spot in self.after)

    def type_of(self, spot: Spot) -> str | None:
        """Return the type of an attribute in this IOD."""
        return self.demands.type_of(self.sop_class_uid, spot)

    def demand(self, leaf: Leaf, walked: Walked | None = None) -> Demand:
        """What the profile wants of a leaf of the written file, or of another."""
        if self._by_concept and is_value(leaf.spot):
            return content_demand(walked or self.output, leaf, self.demands.profile)
        return self.demands.of(self.sop_class_uid, leaf.spot, leaf.vr)

    def is_ours(self, leaf: Leaf) -> bool:
        """Whether a leaf of the written file stands in what the de-identification says of itself."""
        tags = leaf.spot.tags
        if tags[0] != _EQUIPMENT:
            return False
        return leaf.at[:1] in self.own_items if leaf.at else leaf.items == len(self.own_items) > 0

    def is_below_gone(self, leaf: Leaf) -> bool:
        """Whether the sequence that holds a leaf has to go as a whole."""
        above = leaf.spot.above
        return above is not None and self.demands.of(self.sop_class_uid, above, "SQ").want is Want.GONE

    def told(self, code: str, spot: Spot | str = "", why: str = "") -> Violation:
        """Return a violation in this file."""
        return violation(code, spot, why, self.file)


def counterparts(pair: Pair, leaf: Leaf) -> Iterator[Leaf]:
    """Give what stood at a spot before: in the same items, or anywhere where items were taken out."""
    before = pair.before.get(leaf.spot)
    if not before:
        return
    same = before.get(leaf.at)
    if same is not None and len(before) == len(pair.after[leaf.spot]):
        yield same
    else:
        yield from before.values()


def stated_safe(walked: Walked) -> frozenset[tuple[int, str, int]]:
    """Return what a file says of its private attributes (0008,0300): those that identify nobody.

    By group, creator and last byte of the tag; the last is -1 where the whole block is safe.
    """
    items: dict[int, dict[int, bytes]] = {}
    for tag in (_GROUP, _CREATOR, _STATUS, _SAFE):
        for at, leaf in walked.at(_STATED, tag).items():
            items.setdefault(at[0], {})[tag] = walked.value(leaf)
    found: set[tuple[int, str, int]] = set()
    for item in items.values():
        group = int.from_bytes(item.get(_GROUP, b""), "little")
        creator = item.get(_CREATOR, b"").decode("latin-1")
        if item.get(_STATUS) == b"SAFE":
            found.add((group, creator, _WHOLE_BLOCK))
        listed = item.get(_SAFE, b"")
        found |= {(group, creator, listed[at]) for at in range(0, len(listed) - 1, 2)}
    return frozenset(found)
