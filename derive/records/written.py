"""Files as somebody wrote them: what each says of itself, of whatever class, grouped by series; headers only."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from pydicom.charset import default_encoding
from pydicom.config import disable_value_validation
from pydicom.datadict import tag_for_keyword

from derive import standard
from derive.elements.element import Element, shown_class, tag_of
from derive.elements.encoding import decode
from derive.elements.instance import items_of
from derive.errors import SourceError, UsageError
from derive.model.classes import made_class_uids, target_of
from derive.model.source import Skipped, SourceSeries
from derive.reading.files import Files, Unreadable, find
from derive.reading.header import LONGEST_TOLD, Header
from derive.reading.read import series_of
from derive.reading.scan import scan
from derive.told.secrecy import shown_uid
from derive.told.wording import counted, flag

#: In the order in which people read them; what no table knows comes last.
ENTITIES = ("Patient", "Study", "Frame of Reference", "Series", "Equipment", "Acquisition", "Image", "Other")


@dataclass(frozen=True)
class Gathered:
    """What files say, whoever wrote them.

    Parameters
    ----------
    headers : tuple of Header
        Of DICOM objects of any class, with their private attributes.
    skipped : tuple of Skipped
        What is no DICOM object, and why.
    unreadable : tuple of Unreadable
        What cannot be read.
    """

    headers: tuple[Header, ...]
    skipped: tuple[Skipped, ...]
    unreadable: tuple[Unreadable, ...]

    @cached_property
    def instances(self) -> tuple[Header, ...]:
        """The headers, asked leniently."""
        return tuple(h.lenient for h in self.headers)

    def series(self, uid: str | None = None, assume: Mapping[str, object] | None = None) -> SourceSeries:
        """Make a source of one series, as :func:`derive.read` does, with what a person assumes of it.

        Raises
        ------
        SourceError, GeometryError, ValuesError
            As :func:`derive.reading.read.read`.
        """
        if self.unreadable:
            raise self.unreadable[0].error
        return series_of(self.headers, self.skipped, uid, assume)

    def has(self, series: str) -> bool:
        """Whether an instance is of a series."""
        return any(i.text("SeriesInstanceUID") == series for i in self.instances)


def gather(source: Files) -> Gathered:
    """Read every header of folders, of zip archives and of lists of these, once.

    Raises
    ------
    SourceError
        ``SRC-MISSING`` for a name that does not exist, ``ZIP-...`` for an archive that is not read.
    """
    headers: list[Header] = []
    skipped: list[Skipped] = []
    closed: list[Unreadable] = []
    for found in scan(find(source), others=True):
        if isinstance(found, Unreadable):
            if found.code != "SRC-UNREADABLE":
                raise found.error
            closed.append(found)
        elif isinstance(found, Skipped):
            skipped.append(found)
        elif isinstance(found, Header):
            if found.tags:
                headers.append(found)
            else:
                skipped.append(Skipped(found.name, "not a DICOM file"))
    return Gathered(tuple(headers), tuple(skipped), tuple(closed))


def shown(instance: Header, tag: int, longest: int = LONGEST_TOLD) -> str:
    """Return the value of any attribute as one short line; empty where it is absent or has none."""
    element = instance.elements.get(tag)
    text = instance.others.get(tag, "") if element is None else value_shown(element, instance.encodings)
    return text if len(text) <= longest else text[: longest - 3] + "..."


def value_shown(element: Element, encodings: Iterable[str] = (default_encoding,)) -> str:
    """Return a value as one line; of a sequence the codes or the count of its items, of bulk data its size."""
    if element.vr == "SQ":
        return _items_shown(element, tuple(encodings))
    if element.vr in ("OB", "OW", "OF", "OD", "OL", "OV", "UN"):
        return f"{len(element.value)} bytes" if element.value else ""
    try:
        with warnings.catch_warnings(action="ignore"), disable_value_validation():
            value = decode(element, list(encodings))
    except Exception:  # pydicom raises whatever a malformed value causes
        return repr(element.value[:LONGEST_TOLD])
    if value is None:
        return ""
    many = hasattr(value, "__iter__") and not isinstance(value, str | bytes) and element.vr != "PN"
    text = "\\".join(str(v) for v in value) if many else str(value)
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _items_shown(element: Element, encodings: tuple[str, ...]) -> str:
    items = items_of(element)
    if items is None:
        return f"{len(element.value)} bytes that are no items"
    meaning = tag_of("CodeMeaning")
    meanings = [value_shown(e, encodings) for item in items for e in item if e.tag == meaning]
    count = f"{len(items)} item{'s' * (len(items) != 1)}"
    return f"{count}: {', '.join(meanings)}" if meanings and len(meanings) == len(items) else count if items else ""


def one_series(found: Gathered, series: str | None = None) -> list[Header]:
    """Return the instances of one series.

    Raises
    ------
    SourceError
        ``SRC-NONE`` if there is no DICOM file; ``SRC-SERIES`` if there are several series and `series` (a Series
        Instance UID) names none of them.
    """
    groups: dict[str, list[Header]] = {}
    for instance in found.instances:
        groups.setdefault(instance.text("SeriesInstanceUID"), []).append(instance)
    if not groups:
        raise SourceError("SRC-NONE", "no DICOM file was found; name a folder, a zip archive or files")
    if series is not None and series in groups:
        return groups[series]
    if series is not None or len(groups) > 1:
        listed = "\n".join(f"  {shown_uid(uid)}: {counted(len(g), 'file')}" for uid, g in groups.items())
        asked = (
            f"none of them is {series}" if series is not None else f"choose one by its UID ({flag('series', 'UID')})"
        )
        raise SourceError("SRC-SERIES", f"there are {len(groups)} series; {asked}:\n{listed}", series=list(groups))
    return next(iter(groups.values()))


def distinct(images: Iterable[Header], tag: int) -> list[str]:
    """Return the different values of an attribute, as text; ``absent`` among them where an image lacks it."""
    found: dict[object, str] = {}
    for image in images:
        element = image.elements.get(tag)
        key = image.others.get(tag) if element is None else (element.stripped(), element.vr)
        if key not in found:
            found[key] = shown(image, tag) if key is not None else "absent"
    return list(found.values())


def entity_of(tag: int, sop_class_uid: str) -> str:
    """Return the information entity that an attribute belongs to, one of :data:`ENTITIES`.

    By the IOD of the class; of a class without a table by those of the others, where they agree.
    """
    if standard.supported(sop_class_uid):
        rule = iod_told(sop_class_uid).attributes.get(standard.keyword_of(tag) or "")
        return rule.entity if rule else _entities().get(tag, "Other")
    return _entities().get(tag, "Other")


def iod_told(sop_class_uid: str) -> standard.Iod:
    """Return the IOD of a class; of one with functional groups that of its frames, whose macros are attributes."""
    return target_of(sop_class_uid).iod if sop_class_uid in made_class_uids() else standard.iod(sop_class_uid)


@cache
def _entities() -> Mapping[int, str]:
    found: dict[int, str] = {}
    for uid in standard.sop_class_uids():
        for rule in standard.iod(uid).attributes.values():
            found[rule.tag] = rule.entity if found.get(rule.tag, rule.entity) == rule.entity else "Image"
    return found


def class_name(uid: str) -> str:
    """Return the name of a SOP class; its UID where it has none."""
    return shown_class(uid) if uid else "no SOP Class"


def tag_named(keyword: str) -> int:
    """Return the tag of a keyword, or of gggg,eeee.

    Raises
    ------
    UsageError
        ``EXP-KEYWORD`` for what is neither, with the nearest match.
    """
    digits = keyword.strip("()").replace(",", "")
    if len(digits) == 8 and all(c in "0123456789abcdefABCDEF" for c in digits):
        return int(digits, 16)
    tag = tag_for_keyword(keyword)
    if tag is not None:
        return tag
    known = {k.lower(): k for uid in standard.sop_class_uids() for k in standard.iod(uid).attributes}
    near = difflib.get_close_matches(keyword.lower(), known, n=1, cutoff=0.5)
    hint = f"; did you mean {known[near[0]]}?" if near else ""
    raise UsageError("EXP-KEYWORD", f"{keyword!r} is no keyword of PS3.6, nor a tag as 0018,0050{hint}")
