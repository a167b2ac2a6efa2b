"""The first pass: what is in a set, series by series, and by which texts its patients could be known again.

Nothing is changed before all of it was seen: which UIDs are inside of the set, whose shifts and new names are needed,
and which identifiers are looked for in every written file is known only then.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydicom.dataset import Dataset

from derive.deidentification.text.identifiers import UID, Identifier, identifiers_of
from derive.errors import SourceError
from derive.model.source import Skipped
from derive.reading.files import Found, Origin, Repeated, Source, Unreadable, find
from derive.reading.header import Header
from derive.reading.scan import scan
from derive.told.wording import counted

#: An object without an Instance Number comes behind those that have one.
_LAST = 1 << 31


class Member(NamedTuple):
    """An object of the set.

    Parameters
    ----------
    origin : Origin or Dataset
    number : int
        Its Instance Number.
    name : str
        As it is called where it was found.
    """

    origin: Origin | Dataset
    number: int
    name: str

    @property
    def is_packed(self) -> bool:
        """Whether it lies in an archive, of which several processes cannot read."""
        return isinstance(self.origin, Origin) and not self.origin.plain


class Other(NamedTuple):
    """What was found and is not an object, or cannot be read.

    Parameters
    ----------
    name, reason : str
    code : str
        Of the error; empty for what simply is no DICOM object.
    stand_in : str
        What it is called in a report, where its name tells who a patient is; empty where it does not.
    """

    name: str
    reason: str
    code: str = ""
    stand_in: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it, for programs."""
        name = self.stand_in or self.name
        return {"name": name, "reason": self.reason.replace(self.name, name), "code": self.code}


@dataclass(frozen=True)
class SurveyedSeries:
    """The objects of one series, in the order of their numbers.

    Parameters
    ----------
    members : tuple of Member
    """

    members: tuple[Member, ...]


@dataclass(frozen=True)
class Survey:
    """What is in a set.

    Parameters
    ----------
    series : tuple of SurveyedSeries
        In the order in which they were found.
    others : tuple of Other
    size : int
        Bytes of the files of all objects.
    identifiers : frozenset of Identifier
        What patients of the set are known by.
    """

    series: tuple[SurveyedSeries, ...]
    others: tuple[Other, ...]
    size: int = 0
    identifiers: frozenset[Identifier] = frozenset()

    @property
    def count(self) -> int:
        """How many objects there are."""
        return sum(len(s.members) for s in self.series)

    @property
    def is_packed(self) -> bool:
        """Whether any of it lies in an archive."""
        return any(m.is_packed for s in self.series for m in s.members)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, which nothing that is written may touch."""
        found = (m.origin.path for s in self.series for m in s.members if isinstance(m.origin, Origin))
        return tuple(dict.fromkeys(p for p in found if p is not None))


@dataclass
class _Surveyor:
    """Collects what the pass finds."""

    seen: Callable[[Header], None]
    apart: tuple[Path, ...] = ()
    series: dict[tuple[str, str], list[Member]] = field(default_factory=dict)
    others: list[Other] = field(default_factory=list)
    sizes: dict[Path, int] = field(default_factory=dict)
    identifiers: set[Identifier] = field(default_factory=set)
    first: dict[str, Origin | Dataset] = field(default_factory=dict)

    def take(self, found: Found, header: Header | Skipped | Repeated | Unreadable) -> None:
        if isinstance(found, Origin) and self._is_apart(found):
            self.others.append(Other(found.name, "lies in the target"))
        elif isinstance(header, Header) and isinstance(found, Origin | Dataset):
            asked = header.lenient
            self.seen(asked)
            self.identifiers |= identifiers_of(asked)
            if self._is_copy(found, asked.text("SOPInstanceUID")):
                self.others.append(Other(header.name, "a copy of an object of the set"))
                return
            key = (asked.text("StudyInstanceUID"), asked.text("SeriesInstanceUID"))
            number = asked.integer("InstanceNumber")
            name = header.name if isinstance(found, Origin) else f"data set {self._count() + 1}"
            self.series.setdefault(key, []).append(Member(found, _LAST if number is None else number, name))
            if header.path is not None and header.path not in self.sizes:
                self.sizes[header.path] = os.stat(header.path).st_size
        elif isinstance(header, Unreadable):
            self.others.append(Other(header.name, header.reason, header.code))
        elif isinstance(header, Repeated):
            self.others.append(Other(header.name, "another name of a file of the set"))
        elif isinstance(header, Skipped):
            self.others.append(Other(*header))

    def _is_apart(self, found: Origin) -> bool:
        above = found.path.resolve().parents if self.apart and found.path is not None else ()
        return not set(self.apart).isdisjoint(above)

    def _is_copy(self, found: Origin | Dataset, uid: str) -> bool:
        """Whether the same object was there, byte by byte; two that differ and have one UID are both kept."""
        if not uid:
            return False
        first = self.first.setdefault(uid, found)
        if first is found or not (isinstance(first, Origin) and isinstance(found, Origin)):
            return False
        with first.open() as one, found.open() as other:
            return one.read() == other.read()

    def _count(self) -> int:
        return sum(map(len, self.series.values()))


def survey_of(source: Source, seen: Callable[[Header], None], apart: Iterable[Path] = ()) -> Survey:
    """Look at everything that a source names; no pixel is read.

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        As :func:`derive.read` takes it.
    seen : callable (Header) -> None
        Told of every object, asked leniently.
    apart : iterable of Path
        Folders below the source that are not of it: what an earlier run has written there.

    Raises
    ------
    SourceError
        ``SRC-MISSING`` for what is not there; ``SRC-NONE`` if there is no DICOM object.
    """
    surveyor, kept = _Surveyor(seen, tuple(p.resolve() for p in apart if p.exists())), list[Found]()
    for header in scan(_kept(find(source), kept)):
        surveyor.take(kept[-1], header)
    missing = next((o for o in surveyor.others if o.code == "SRC-MISSING"), None)
    if missing is not None:
        raise SourceError(missing.code, missing.reason)
    if not surveyor.series:
        unread = next((o for o in surveyor.others if o.code), None)
        if unread is not None:
            raise SourceError(unread.code, unread.reason)
        raise SourceError("SRC-NONE", f"no DICOM object was found in {counted(len(surveyor.others), 'file')}")
    series = (SurveyedSeries(tuple(sorted(m, key=lambda m: m[1:]))) for m in surveyor.series.values())
    names = frozenset(i for i in surveyor.identifiers if i.kind != UID)
    return Survey(tuple(series), tuple(surveyor.others), sum(surveyor.sizes.values()), names)


def _kept(found: Iterable[Found], kept: list[Found]) -> Iterator[Found]:
    """Give what is found, and remember the last of it: a header does not say how its file is opened."""
    for item in found:
        kept[:] = [item]
        yield item
