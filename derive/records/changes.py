"""Which attributes of two sets of images are not the same: of the images, and within the macros of their frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from derive.elements.confidential import is_confidential
from derive.elements.element import Element, keyword_of
from derive.elements.instance import items_of
from derive.elements.meaning import meaning
from derive.reading.header import Header
from derive.records.details import Detail
from derive.records.frames import has_groups, images_of, in_classic_keywords, macros_of
from derive.records.written import ENTITIES, entity_of, shown, value_shown

#: Kept of a value.
_KEPT = 1024
#: Tags of the sequences around an attribute, and its own.
Place: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Change:
    """One attribute that is not the same.

    Parameters
    ----------
    tag : int
    entity : str
    left, right : str, optional
        The value as text, of several ``N values: the first ...``; None where no image of that side has it.
    within : tuple of int
        Of an attribute of a functional group the sequences that it stands in, the outermost first.
    frames : tuple of int
        In which frames it differs, where the frames of both sides are the same ones; from 1.
    """

    tag: int
    entity: str
    left: str | None
    right: str | None
    within: Place = ()
    frames: tuple[int, ...] = ()

    @property
    def keyword(self) -> str:
        """Keyword, or (gggg,eeee)."""
        return keyword_of(self.tag)

    @property
    def place(self) -> str:
        """Keyword, behind those of the sequences that it stands in."""
        return " > ".join(map(keyword_of, (*self.within, self.tag)))

    @property
    def kind(self) -> str:
        """changed, only left or only right."""
        return "only right" if self.left is None else "only left" if self.right is None else "changed"

    def masked(self) -> Change:
        """Return the same without values that tell whose images they are."""
        within = any(map(is_confidential, self.within))
        left, right = (
            t if t is None else Detail(1, self.tag, t, within).masked().value for t in (self.left, self.right)
        )
        return replace(self, left=left, right=right)

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        facts = {"keyword": self.keyword, "tag": f"{self.tag:08X}", "kind": self.kind}
        around = {"within": [keyword_of(t) for t in self.within], "frames": list(self.frames)}
        return facts | {"left": self.left, "right": self.right} | around


class ChangesFound(NamedTuple):
    """What is not the same, and of each entity how many attributes are.

    Parameters
    ----------
    changes : tuple of Change
        In the order of the entities, then of the tags.
    equal : mapping entity -> int
    shuffled : bool
        Whether the frames of both sides lie at the same places in another order: they are not told by number then.
    """

    changes: tuple[Change, ...]
    equal: Mapping[str, int]
    shuffled: bool = False


class _Value(NamedTuple):
    """What makes a value differ, and how it is told."""

    key: object
    text: str


def changes_between(left: Sequence[Header], right: Sequence[Header]) -> ChangesFound:
    """Compare the values that each side has, whichever image has them.

    A frame is an image. Multi-frame instances are held against each other by what stands in their functional groups,
    and against single-frame images in classic keywords.

    Parameters
    ----------
    left, right : sequence of Header
        Instances, asked leniently.
    """
    multi = [any(map(has_groups, side)) for side in (left, right)]
    classic = multi[0] != multi[1]
    sides = _Frames.of(left, classic=classic), _Frames.of(right, classic=classic)
    shuffled = all(multi) and sides[0].shuffled_in(sides[1])
    paired = all(multi) and not shuffled and len(left) == len(right) == 1 and sides[0].count == sides[1].count > 1
    equal: Counter[str] = Counter()
    changes: list[Change] = []
    sop_class = left[0].text("SOPClassUID")
    for place in sorted({p for side in sides for p in side.places}):
        entity = entity_of(place[0], sop_class)
        change = _change(place, entity, sides, paired=paired)
        if change is None:
            equal[entity] += 1
        else:
            changes.append(change)
    ordered = sorted(changes, key=lambda c: (ENTITIES.index(c.entity), (*c.within, c.tag)))
    return ChangesFound(tuple(ordered), equal, shuffled)


@dataclass(frozen=True)
class _Frames:
    """The images of one side: of each its values by place."""

    rows: Sequence[Mapping[Place, _Value]]

    @classmethod
    def of(cls, instances: Sequence[Header], *, classic: bool) -> _Frames:
        """Take the frames of instances, in classic keywords or with their macros."""
        known: dict[object, _Value] = {}
        rows: list[Mapping[Place, _Value]] = []
        for instance in instances:
            images = in_classic_keywords([instance]) if classic else images_of([instance], private=True)
            macros = frozenset() if classic else macros_of(instance, private=True)
            rows += [dict(_values(image, macros, known)) for image in images]
        return cls(rows)

    @property
    def count(self) -> int:
        """How many images there are."""
        return len(self.rows)

    @property
    def places(self) -> set[Place]:
        """Where any image has a value."""
        return {place for row in self.rows for place in row}

    def column(self, place: Place) -> list[_Value | None]:
        """Return the value of every image; None in those that have none."""
        return [row.get(place) for row in self.rows]

    def shuffled_in(self, other: _Frames) -> bool:
        """Whether the other side has the same frames by place, one by one not in the same order."""
        mine, its = ([frozenset((p, v.key) for p, v in _where(row)) for row in side.rows] for side in (self, other))
        return mine != its and len(mine) == len(its) and Counter(mine) == Counter(its)


#: Where a frame lies: no two frames of a volume share it.
_LIES = frozenset(["ImagePositionPatient", "ImageOrientationPatient"])


def _where(row: Mapping[Place, _Value]) -> Iterator[tuple[Place, _Value]]:
    return ((place, value) for place, value in row.items() if keyword_of(place[-1]) in _LIES)


def _values(image: Header, macros: Set[int], known: dict[object, _Value]) -> Iterator[tuple[Place, _Value]]:
    """Give the values of an image; of a macro those of its attributes."""
    for tag in image.tags:
        element = image.elements.get(tag)
        if element is None:
            yield (tag,), _Value(shown(image, tag, 1 << 20), shown(image, tag, _KEPT))
        elif tag in macros:
            for place, leaf in _leaves((tag,), element):
                yield place, _value(leaf, image.encodings, known)
        else:
            yield (tag,), _value(element, image.encodings, known)


def _value(element: Element, encodings: tuple[str, ...], known: dict[object, _Value]) -> _Value:
    """What it means is compared, whatever its spelling and its character set; each is decoded once."""
    raw = (element, encodings)
    if raw not in known:
        text = value_shown(element, encodings)
        text = text if len(text) <= _KEPT else text[: _KEPT - 3] + "..."
        known[raw] = _Value(meaning(element, encodings), text)
    return known[raw]


def _leaves(place: Place, element: Element) -> Iterator[tuple[Place, Element]]:
    """Go down sequences of one item; several items, and codes, are compared as a whole."""
    items = items_of(element, private=True) if element.vr == "SQ" else None
    if items is None or len(items) != 1 or not items[0] or _is_code(items[0]):
        yield place, element
        return
    for inner in items[0]:
        yield from _leaves((*place, inner.tag), inner)


def _is_code(item: Sequence[Element]) -> bool:
    return any(keyword_of(e.tag) in ("CodeValue", "LongCodeValue", "URNCodeValue") for e in item)


def _change(place: Place, entity: str, sides: tuple[_Frames, _Frames], *, paired: bool) -> Change | None:
    columns = sides[0].column(place), sides[1].column(place)
    left, right = (Counter(v.key for v in column if v is not None) for column in columns)
    partly = [sum(count.values()) < len(column) for count, column in zip((left, right), columns, strict=True)]
    same = set(left) == set(right) and partly[0] == partly[1]
    if same and not paired:
        return None
    off = [n for n, (a, b) in enumerate(zip(*columns, strict=True), 1) if not _agree(a, b)] if paired else []
    if same and not off:
        return None
    frames = tuple(off) if len(off) < len(columns[0]) else ()
    return Change(place[-1], entity, _summary(columns[0]), _summary(columns[1]), place[:-1], frames)


def _agree(one: _Value | None, other: _Value | None) -> bool:
    return (one is None) == (other is None) and (one is None or other is None or one.key == other.key)


def _summary(column: Sequence[_Value | None]) -> str | None:
    found = {v.key: v.text for v in reversed(column) if v is not None}
    if not found:
        return None
    having = sum(v is not None for v in column)
    first = next(v.text for v in column if v is not None)
    partly = f" (in {having} of {len(column)})" if having < len(column) else ""
    return (first if len(found) == 1 else f"{len(found)} values: {first} ...") + partly
