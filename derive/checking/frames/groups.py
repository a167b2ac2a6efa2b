"""An instance of many frames, taken apart: what is shared, what each frame has, and what a frame says as an image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType

from derive.checking.finding import Finding
from derive.checking.instance import Item, Judged
from derive.elements.element import Element, keyword_of, tag_of
from derive.elements.spans import PIXELS
from derive.model.functional_groups import PER_FRAME, SHARED, flattened, macros
from derive.standard import AttributeRule, Iod


@dataclass(frozen=True)
class Grouped:
    """The functional groups of an instance, as they stand.

    Parameters
    ----------
    instance : Judged
        The instance as a whole.
    shared : tuple of mapping tag -> Element
        Items of Shared Functional Grouped Sequence: one, where the instance is as it should be.
    own : tuple of mapping tag -> Element
        Items of Per-Frame Functional Grouped Sequence: one a frame.
    """

    instance: Judged
    shared: tuple[Item, ...]
    own: tuple[Item, ...]

    @cached_property
    def everywhere(self) -> Item:
        """Macros that are shared."""
        return {tag: element for item in self.shared for tag, element in item.items()}

    @cached_property
    def count(self) -> int:
        """How many frames the instance says that it has; the items that tell of them where it does not say it."""
        return self.instance.integer("NumberOfFrames") or len(self.own)

    @cached_property
    def somewhere(self) -> frozenset[int]:
        """Tags of all macros that any frame has of its own."""
        return frozenset().union(*self.own)

    @cached_property
    def common(self) -> dict[int, Element]:
        """What every frame says: the instance, and over it what is shared."""
        apart = (SHARED, PER_FRAME, *PIXELS)
        said = {tag: e for tag, e in self.instance.elements.items() if tag not in apart}
        return said | dict(self.everywhere) | flattened(self.everywhere)

    def frames(self) -> Iterator[dict[int, Element]]:
        """Yield what each frame says, in classic keywords, with its macros whole."""
        for item in self.own:
            yield self.common | dict(item) | flattened(item) if item else self.common

    def find(self, code: str, path: str, message: str) -> Finding:
        """Return a finding about the instance."""
        return self.instance.find(code, path, message)


def groups_of(instance: Judged) -> Grouped | None:
    """Return the functional groups of an instance; None for one that has none."""
    if SHARED not in instance.elements and PER_FRAME not in instance.elements:
        return None
    return Grouped(instance, *instance.groups)


@cache
def rules_of(iod: Iod) -> Mapping[int, AttributeRule]:
    """Return what an IOD asks of its macros, by the tag of their sequence."""
    found: dict[int, AttributeRule] = {}
    for place in (SHARED, PER_FRAME):
        rule = iod.attributes.get(keyword_of(place))
        found.update((inner.tag, inner) for inner in (rule.items if rule is not None else ()))
    return MappingProxyType(found)


@cache
def places() -> Mapping[str, tuple[tuple[int, str], ...]]:
    """Return where a classic keyword stands in macros: tags of their sequences, and the path within each."""
    found: dict[str, list[tuple[int, str]]] = {}
    for tag, macro in macros().items():
        for leaf in macro.leaves:
            path = ">item 1>".join((macro.sequence, *leaf.path))
            found.setdefault(leaf.keyword, []).append((tag, path))
    return MappingProxyType({keyword: tuple(places) for keyword, places in found.items()})


def path_of(groups: Grouped, frame: int, path: str) -> str:
    """Return where an attribute of a frame stands.

    Parameters
    ----------
    groups : Grouped
    frame : int
        From 1.
    path : str
        As if the frame were an image of its own.

    Returns
    -------
    str
        Where it stands in the instance; the path itself for what no functional group says.
    """
    keyword, _, rest = path.partition(">")
    whole = ((tag_of(keyword), keyword),)
    for item, prefix in (
        (groups.own[frame - 1], f"{keyword_of(PER_FRAME)}>item {frame}>"),
        (groups.everywhere, f"{keyword_of(SHARED)}>item 1>"),
    ):
        for tag, within in (*whole, *places().get(keyword, ())):
            if tag in item:
                return prefix + within + (f">{rest}" if rest else "")
    return path
