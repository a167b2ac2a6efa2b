"""One instance as it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from derive.checking.finding import Finding, finding
from derive.elements.element import Element, keyword_of
from derive.elements.instance import Instance, items_of
from derive.model.classes import Target, made_class_uids, target_of
from derive.model.functional_groups import PER_FRAME, SHARED, flattened
from derive.pixels.encode import Rescale
from derive.standard import Iod
from derive.standard.conditions import present_modules

#: Macros of one item of a functional groups sequence: their elements by the tag of their sequence.
Item: TypeAlias = Mapping[int, Element]


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

    @cached_property
    def groups(self) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
        """Functional groups: the items of what frames share, and one of each frame, by the tags of their macros."""
        shared, own = (self._items_of(tag) for tag in (SHARED, PER_FRAME))
        return shared, own

    def _items_of(self, tag: int) -> tuple[Item, ...]:
        element = self.elements.get(tag)
        # They are long, and nobody asks for them twice: what keeps items of sequences would keep them.
        found = items_of.__wrapped__(element) if element is not None else None
        return tuple({e.tag: e for e in item} for item in found or ())

    @cached_property
    def _of_first_frame(self) -> Instance:
        """What the first frame says in its macros, in classic keywords."""
        shared, own = self.groups
        said = {tag: e for items in (shared[:1], own[:1]) for item in items for tag, e in flattened(item).items()}
        return Instance(self.name, said, strict=False, around=self.encodings)

    def somewhere(self, keyword: str) -> Any:
        """Return the value of an attribute, at the top or of the first frame; None where it is absent or empty."""
        value = self.value(keyword)
        if value is not None or keyword_of(SHARED) not in self.iod.attributes:
            return value
        return self._of_first_frame.value(keyword)

    def find(self, code: str, path: str, message: str) -> Finding:
        """Return a finding about this instance."""
        return finding(code, path, message, self.name)
