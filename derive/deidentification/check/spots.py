"""Spots: where attributes stand, whichever item they are in; each is judged once for all files of a run."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.datadict import dictionary_VR, keyword_for_tag, private_dictionary_VR, repeater_has_tag

from derive.rewriting.stored import AttributePath, SequenceStep

#: The first block of a private group.
_BLOCK = 0x1000
#: Of a tag, what tells a private attribute from others, and the elements that reserve blocks (PS3.5 7.8.1).
_ODD, _FIRST_CREATOR, _LAST_CREATOR = 0x10000, 0x10, 0xFF


class Spot:
    """Where an attribute stands: its tag, and the sequences that hold it, without their items.

    A private one is known by its creator: its tag is that in the first block, so one that was moved stands in the same
    spot.

    Parameters
    ----------
    above : Spot or None
        The sequence that holds it.
    tag : int
    creator : str
        Who reserved its block; empty for a standard one.
    """

    __slots__ = ("above", "below", "creator", "path", "tag", "vr")

    def __init__(self, above: Spot | None, tag: int, creator: str) -> None:
        self.above, self.tag, self.creator = above, tag, creator
        self.below: dict[tuple[int, str], Spot] = {}
        self.vr = vr_known(tag, creator)
        steps = () if above is None else (*above.path.above, SequenceStep(above.tag, above.creator))
        self.path: AttributePath = AttributePath(tag, self.vr, creator, steps)

    @property
    def tags(self) -> tuple[int, ...]:
        """Its tag behind those of the sequences that hold it."""
        return (*(step.tag for step in self.path.above), self.tag)

    @property
    def is_private(self) -> bool:
        """Whether its group is odd."""
        return bool(self.tag & _ODD)

    @property
    def is_creator(self) -> bool:
        """Whether it reserves a block."""
        return self.is_private and _FIRST_CREATOR <= self.tag & 0xFFFF <= _LAST_CREATOR

    @property
    def text(self) -> str:
        """As it is told."""
        return self.path.text

    def outwards(self) -> Iterator[Spot]:
        """Give the spot itself and the sequences around it, the innermost first."""
        spot: Spot | None = self
        while spot is not None:
            yield spot
            spot = spot.above


class Spots:
    """All spots that were seen. It remembers them, so that each is one object."""

    def __init__(self) -> None:
        self.top: dict[tuple[int, str], Spot] = {}

    def at(self, above: Spot | None, tag: int, creator: str = "") -> Spot:
        """Return the spot of an attribute.

        Parameters
        ----------
        above : Spot or None
        tag : int
            As it stands in the file.
        creator : str
            Who reserved its block.
        """
        if tag & _ODD and creator:
            tag = tag & 0xFFFF00FF | _BLOCK
        known = self.top if above is None else above.below
        key = tag, creator
        spot = known.get(key)
        if spot is None:
            spot = known[key] = Spot(above, tag, creator)
        return spot


def vr_known(tag: int, creator: str = "") -> str:
    """Return the value representation that the dictionaries have for an attribute; UN for one that they lack."""
    if tag & _ODD:
        if _FIRST_CREATOR <= tag & 0xFFFF <= _LAST_CREATOR:
            return "LO"
        try:
            return private_dictionary_VR(tag, creator) if creator else "UN"
        except KeyError:
            return "UN"
    if not tag & 0xFFFF:
        return "UL"
    return dictionary_VR(tag) if keyword_for_tag(tag) or repeater_has_tag(tag) else "UN"
