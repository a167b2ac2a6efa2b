"""How a file lies: every element as its bytes, at every depth, private ones and Pixel Data included."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from derive.elements.element import Element, keyword_of


class SequenceStep(NamedTuple):
    """A sequence on the way to an attribute.

    Parameters
    ----------
    tag : int
    creator : str
        Private Creator that reserved it; empty for a standard one.
    """

    tag: int
    creator: str = ""


@dataclass(frozen=True)
class AttributePath:
    """Where an attribute stands in an instance: which it is, and in which sequences.

    Parameters
    ----------
    tag : int
        As it stands in the file, whichever block a private one has.
    vr : str
        Value representation: that of the dictionary where the file says none or UN; SQ for a private one whose
        bytes are items.
    creator : str
        Private Creator that reserved the block of a private one; empty for a standard one, and for one that nobody
        reserved.
    above : tuple of SequenceStep
        The sequences that hold it, the outermost first.
    """

    tag: int
    vr: str
    creator: str = ""
    above: tuple[SequenceStep, ...] = ()

    @property
    def is_private(self) -> bool:
        """Whether its group is odd."""
        return bool(self.tag >> 16 & 1)

    @property
    def is_creator(self) -> bool:
        """Whether it reserves a private block (PS3.5 7.8.1)."""
        return self.is_private and 0x10 <= self.tag & 0xFFFF <= 0xFF

    @property
    def text(self) -> str:
        """The place as it is told: keywords joined by a dot; a private one by its creator, never by its block.

        Examples
        --------
        >>> AttributePath(0x00080050, "SH", above=(SequenceStep(0x00400275),)).text
        'RequestAttributesSequence.AccessionNumber'
        >>> AttributePath(0x00292710, "OB", "SIEMENS CSA HEADER").text
        '(0029,"SIEMENS CSA HEADER",10)'
        """
        return ".".join(_told(*step) for step in (*self.above, SequenceStep(self.tag, self.creator)))


def _told(tag: int, creator: str) -> str:
    if tag >> 16 & 1 and creator:
        return f'({tag >> 16:04X},"{creator}",{tag & 0xFF:02X})'
    return keyword_of(tag)


class StoredElement(NamedTuple):
    """An element as it lies in a file; its value as an :class:`~derive.elements.element.Element` where that is asked.

    Parameters
    ----------
    path : AttributePath
    element : Element
        Its value as Explicit VR Little Endian; of a sequence without its items (an empty value).
    """

    path: AttributePath
    element: Element
