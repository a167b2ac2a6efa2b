"""One instance as it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from numpy.typing import NDArray

from derive.checking.finding import Finding, finding
from derive.elements.instance import Instance
from derive.model.classes import Target, made_class_uids, target_of
from derive.pixels.encode import Rescale
from derive.standard import Iod
from derive.standard.conditions import present_modules


class FrameValues(Protocol):
    """Frames of one Pixel Data that are looked at one by one: they wait aside, or lie in a file."""

    @property
    def count(self) -> int:
        """How many there are."""

    @property
    def length(self) -> int:
        """Length of the value of Pixel Data in bytes, its padding included."""

    @property
    def vr(self) -> str:
        """Of Pixel Data."""

    def stored(self, index: int) -> NDArray[Any]:
        """Return the stored values of a frame, from 0 on."""


@dataclass(frozen=True, kw_only=True)
class Judged(Instance):
    """An instance and the information object definition that it has to follow.

    Parameters
    ----------
    name : str
        File name, for the findings.
    elements : mapping tag -> Element
        The standard attributes; Pixel Data among them.
    transfer_syntax, strict, around
        As in :class:`Instance`.
    iod : Iod
    stored : integer array, optional
        The stored values as their bits and sign say; None where they are not known.
    encapsulated : bool
        Whether Pixel Data is compressed.
    pixels : FrameValues, optional
        Its frames, where they wait aside; Pixel Data is among the elements and has no value then.
    """

    iod: Iod
    strict: bool = False
    stored: NDArray[Any] | None = None
    encapsulated: bool = False
    pixels: FrameValues | None = None

    @property
    def target(self) -> Target | None:
        """What we decided for its class; None for one that we do not make."""
        uid = self.iod.sop_class_uid
        return target_of(uid) if uid in made_class_uids() else None

    @property
    def rescale(self) -> Rescale | None:
        """How its class says what stored values mean; None for a class that we do not make."""
        return None if self.target is None else self.target.rescale

    @cached_property
    def modules(self) -> frozenset[str]:
        """Modules that are there."""
        return present_modules(self.iod, self.elements)

    def find(self, code: str, path: str, message: str) -> Finding:
        """Return a finding about this instance."""
        return finding(code, path, message, self.name)
