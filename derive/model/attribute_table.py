"""The attributes of a series of frames: constant over all of them, or varying; and on what some of them agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from pydicom.charset import default_encoding

from derive.elements.charset import transcode
from derive.elements.element import Element
from derive.elements.encoding import encode
from derive.elements.meaning import same


class Agreement(NamedTuple):
    """What a set of frames says of one attribute."""

    element: Element | None
    differs: bool

    @property
    def absent(self) -> bool:
        """No frame of the set has the attribute."""
        return self.element is None and not self.differs


class AttributeTable:
    """The attributes of a series of frames: the constant ones once, the varying ones a list each.

    Parameters
    ----------
    count : int
        How many frames.
    constant : mapping tag -> Element
        What all of them have.
    varying : mapping tag -> sequence of Element or None
        What each of them has, in spatial order.
    encodings : tuple of str
        Python names of their character set: what is spelled in two ways may mean one thing.
    """

    def __init__(
        self,
        count: int,
        constant: dict[int, Element],
        varying: dict[int, list[Element | None]],
        encodings: tuple[str, ...] = (default_encoding,),
    ) -> None:
        self.count, self.constant, self.varying, self._encodings = count, constant, varying, encodings

    @classmethod
    def of(
        cls,
        frames: Iterable[Mapping[int, Element]],
        encodings: Sequence[str] = (default_encoding,),
        defaults: Mapping[int, Element] | None = None,
    ) -> AttributeTable:
        """Tabulate what frames say.

        Parameters
        ----------
        frames : iterable of mapping tag -> Element
            In spatial order.
        encodings : sequence of str
            Python names of the character set of all of them.
        defaults : mapping tag -> Element, optional
            What it means that a frame does not say it, where others do.
        """
        rows, absent = list(frames), defaults or {}
        constant: dict[int, Element] = {}
        varying: dict[int, list[Element | None]] = {}
        for tag in sorted({tag for row in rows for tag in row}):
            column = [row.get(tag) for row in rows]
            if tag in absent and None in column:
                column = [e or absent[tag] for e in column]
            if _equal(column, encodings):
                constant[tag] = column[0]  # type: ignore[assignment]  # equal and not absent
            else:
                varying[tag] = column
        return cls(len(rows), constant, varying, tuple(encodings))

    def agreement(self, tag: int, frames: Sequence[int] | None = None) -> Agreement:
        """Return the value on which some frames (None: all) agree."""
        if tag in self.constant:
            return Agreement(self.constant[tag], False)
        column = self.varying.get(tag)
        if column is None:
            return Agreement(None, False)
        chosen = column if frames is None else [column[i] for i in frames]
        if all(e is None for e in chosen):
            return Agreement(None, False)
        return Agreement(chosen[0], False) if _equal(chosen, self._encodings) else Agreement(None, True)

    def transcoded(self, encodings: Sequence[str]) -> AttributeTable:
        """Return the same text in ISO_IR 192 (UTF-8).

        Raises
        ------
        ValuesError
            ``VAL-CHARSET`` for text that its character set cannot decode.
        """
        charset = encode("SpecificCharacterSet", "ISO_IR 192")
        constant = {tag: transcode(e, encodings) for tag, e in self.constant.items()} | {charset.tag: charset}
        varying = {
            tag: [None if e is None else transcode(e, encodings) for e in column]
            for tag, column in self.varying.items()
            if tag != charset.tag
        }
        return AttributeTable(self.count, constant, varying, ("utf_8",))

    def only(self, shared: frozenset[int], given: Mapping[int, Element]) -> AttributeTable:
        """Return a table of the attributes in `shared`, and of others that are the same for all."""
        constant = {tag: e for tag, e in self.constant.items() if tag in shared} | dict(given)
        varying = {tag: column for tag, column in self.varying.items() if tag in shared and tag not in given}
        return AttributeTable(self.count, constant, varying, self._encodings)

    def beside(self, columns: Mapping[int, Sequence[Element | None]]) -> AttributeTable:
        """Return a table of the same and of other attributes, of which each frame says something of its own."""
        constant, varying = dict(self.constant), dict(self.varying)
        for tag, column in columns.items():
            first = column[0]
            if first is not None and _equal(column, self._encodings):
                constant[tag] = first
            else:
                varying[tag] = list(column)
        return AttributeTable(self.count, constant, varying, self._encodings)

    def column(self, tag: int) -> Sequence[Element | None]:
        """Return what each of the frames has."""
        return self.varying.get(tag) or [self.constant.get(tag)] * self.count

    def element(self, tag: int, index: int) -> Element | None:
        """Return what frame `index` has."""
        return self.constant.get(tag) or self.varying.get(tag, [None] * self.count)[index]


def _equal(column: Sequence[Element | None], encodings: Sequence[str]) -> bool:
    """Whether all say the same; where it is absent from one it is from none."""
    first = column[0]
    if first is None:
        return False
    return all(e is first or (e is not None and same(e, first, encodings)) for e in column)
