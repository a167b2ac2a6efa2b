"""Spots: where attributes stand, whichever item they are in; each is judged once for all files of a run."""

from __future__ import annotations

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

    Attributes
    ----------
    tags : tuple of int
        Its tag behind those of the sequences that hold it.
    is_private : bool
        Whether its group is odd.
    is_creator : bool
        Whether it reserves a block.
    """

    __slots__ = ("above", "below", "creator", "is_creator", "is_private", "path", "tag", "tags", "vr")

    def __init__(self, above: Spot | None, tag: int, creator: str) -> None:
        self.above, self.tag, self.creator = above, tag, creator
        self.below: dict[tuple[int, str], Spot] = {}
        self.vr = vr_known(tag, creator)
        self.is_private = bool(tag & _ODD)
        self.is_creator = self.is_private and _FIRST_CREATOR <= tag & 0xFFFF <= _LAST_CREATOR
        self.tags: tuple[int, ...] = (tag,) if above is None else (*above.tags, tag)
        steps = () if above is None else (*above.path.above, SequenceStep(above.tag, above.creator))
        self.path: AttributePath = AttributePath(tag, self.vr, creator, steps)

    @property
    def text(self) -> str:
        """As it is told."""
        return self.path.text


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

    def find(self, *tags: int) -> Spot | None:
        """Return the spot of a standard attribute behind the sequences that hold it; None if it was never seen."""
        spot, known = None, self.top
        for tag in tags:
            spot = known.get((tag, ""))
            if spot is None:
                return None
            known = spot.below
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
