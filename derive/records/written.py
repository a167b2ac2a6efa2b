"""Files as somebody wrote them: what each says of itself, of whatever class, grouped by series; headers only."""

from __future__ import annotations

import difflib
import hashlib
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pydicom
from pydicom.charset import convert_encodings, default_encoding
from pydicom.config import disable_value_validation
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from derive import standard
from derive.elements.datasets import from_dataset
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode
from derive.elements.instance import items_of
from derive.elements.parse import Memory, Unusual, parse
from derive.errors import DeriveError, SourceError, UsageError
from derive.model.source import Skipped
from derive.reading.header import Origin
from derive.reading.zips import Archive, ZipLimits

Files = str | Path | Iterable[str | Path]
#: In the order in which people read them; what no table knows comes last.
ENTITIES = ("Patient", "Study", "Frame of Reference", "Series", "Equipment", "Acquisition", "Image", "Other")
_LONGEST_SHOWN = 60
#: How many neighbours of a folder are looked into for a series, and how many files of each.
_NEIGHBOURS, _PEEKED = 200, 3
_STARTS = (b"\x02\x00", b"\x08\x00", b"\x00\x02", b"\x00\x08")


@dataclass(frozen=True)
class Instance:
    """What one file says, without its pixels.

    Parameters
    ----------
    name : str
        For messages.
    elements : mapping tag -> Element
        Standard attributes.
    others : mapping tag -> text
        Private ones, overlays and the like: their value where it is short, else its size and digest.
    transfer_syntax : str
    """

    name: str
    elements: Mapping[int, Element] = field(repr=False)
    others: Mapping[int, str] = field(repr=False)
    transfer_syntax: str = ""

    @property
    def tags(self) -> frozenset[int]:
        """Every tag, private ones included."""
        return frozenset({*self.elements, *self.others})

    @cached_property
    def encodings(self) -> tuple[str, ...]:
        """Python names of the character set."""
        charset = self.elements.get(tag_of("SpecificCharacterSet"))
        with warnings.catch_warnings(action="ignore"):
            return tuple(convert_encodings(decode(charset))) if charset else (default_encoding,)

    def value(self, keyword: str) -> Any:
        """Return the decoded value; None without, and for bytes that are none."""
        element = self.elements.get(tag_of(keyword))
        if element is None:
            return None
        try:
            with warnings.catch_warnings(action="ignore"), disable_value_validation():
                return decode(element, self.encodings)
        except Exception:  # pydicom raises whatever a malformed value causes
            return None

    def text(self, keyword: str) -> str:
        """Return the value as text; empty without."""
        value = self.value(keyword)
        return "" if value is None else str(value).strip()

    def shown(self, tag: int, longest: int = _LONGEST_SHOWN) -> str:
        """Return the value of any attribute as one short line; empty where it is absent or has none."""
        element = self.elements.get(tag)
        if element is None:
            return _cut(self.others.get(tag, ""), longest)
        return _cut(shown(element, self.encodings), longest)


def shown(element: Element, encodings: Iterable[str] = (default_encoding,)) -> str:
    """Return a value as one line; of a sequence the codes or the count of its items, of bulk data its size."""
    if element.vr == "SQ":
        return _items_shown(element, tuple(encodings))
    if element.vr in ("OB", "OW", "OF", "OD", "OL", "OV", "UN"):
        return f"{len(element.value)} bytes" if element.value else ""
    try:
        with warnings.catch_warnings(action="ignore"), disable_value_validation():
            value = decode(element, list(encodings))
    except Exception:  # pydicom raises whatever a malformed value causes
        return repr(element.value[:_LONGEST_SHOWN])
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
    meanings = [shown(e, encodings) for item in items for e in item if e.tag == meaning]
    count = f"{len(items)} item{'s' * (len(items) != 1)}"
    return f"{count}: {', '.join(meanings)}" if meanings and len(meanings) == len(items) else count if items else ""


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."


def origins(source: Files, limits: ZipLimits | None = None) -> Iterator[Origin]:
    """Give every file of folders, of zip archives and of lists of these, with the way to open it.

    Raises
    ------
    SourceError
        ``SRC-MISSING`` for a name that does not exist, ``ZIP-...``.
    """
    for root in map(Path, [source] if isinstance(source, str | Path) else source):
        if root.is_dir():
            yield from _below(root)
        elif not root.exists():
            raise SourceError("SRC-MISSING", f"{root.name} does not exist")
        elif _is_zip(root):
            archive = Archive(root, limits or ZipLimits())
            for member in archive.members():
                yield Origin(member.filename, root, partial(archive.open, member))
        else:
            yield Origin(root.name, root, partial(_open, root))


def _below(root: Path) -> Iterator[Origin]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                yield Origin(path.relative_to(root).as_posix(), path, partial(_open, path))


def _open(path: Path) -> IO[bytes]:
    return open(path, "rb", buffering=0)


def _is_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        head = stream.read(132)
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06") and head[128:] != b"DICM"


def is_plain(origin: Origin) -> bool:
    """Whether an image is a file of its own, and no member of an archive."""
    return origin.path is not None and origin.path.name == Path(origin.name).name


def whole_dataset(origin: Origin) -> Dataset:
    """Read a file with its pixels."""
    with origin.reopen() as stream, warnings.catch_warnings(action="ignore"):
        return pydicom.dcmread(stream, force=True)


def instances(source: Files) -> Iterator[Instance | Skipped]:
    """Read whatever pydicom can read, and say of the rest why not: nothing is raised for one bad file.

    Raises
    ------
    SourceError
        As :func:`origins`.
    """
    memory = Memory()
    for origin in origins(source):
        try:
            with origin.reopen() as stream:
                yield _instance(stream, origin.name, memory)
        except SourceError:
            raise
        except Exception as error:  # pydicom raises whatever a malformed file causes
            yield Skipped(origin.name, f"cannot be read ({type(error).__name__})")


def _instance(stream: IO[bytes], name: str, memory: Memory) -> Instance | Skipped:
    head = stream.read(132)
    stream.seek(0)
    if head[128:] != b"DICM" and head[:2] not in _STARTS:
        return Skipped(name, "not a DICOM file")
    with warnings.catch_warnings(action="ignore"), disable_value_validation():
        dataset = pydicom.dcmread(stream, force=True, stop_before_pixels=True)
        meta = getattr(dataset, "file_meta", None) or Dataset()
        if "DirectoryRecordSequence" in dataset or meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
            return Skipped(name, "a DICOMDIR")
        if not len(dataset):
            return Skipped(name, "not a DICOM file")
        elements = _elements(stream, dataset, memory)
        others = {
            int(tag): _other(dataset, int(tag))
            for tag in dataset.keys()  # noqa: SIM118 - iterating decodes
            if int(tag) not in elements and tag.group not in (0x0002, 0x7FE0)
        }
    return Instance(name, elements, others, str(meta.get("TransferSyntaxUID") or ""))


def _elements(stream: IO[bytes], dataset: Dataset, memory: Memory) -> Mapping[int, Element]:
    """Take elements from the bytes, at a tenth of the time; of unusual files as pydicom reads them."""
    try:
        stream.seek(0)
        return parse(stream, memory).elements
    except Unusual:
        return memory.row({tag: memory.same(e) for tag, e in from_dataset(dataset).items()})


def _other(dataset: Dataset, tag: int) -> str:
    """Return the value of an attribute that has no table, as text: short text as it is, all else by its digest."""
    stored = dataset.get_item(tag)
    value = stored.value if isinstance(stored, RawDataElement) else str(stored.value).encode("utf-8", "replace")
    data = bytes(value or b"")
    text = data.strip(b" \0")
    if len(text) <= _LONGEST_SHOWN and text.isascii() and text.decode().isprintable():
        return text.decode()
    return f"{len(data)} bytes, {hashlib.sha256(data).hexdigest()[:8]}"


def by_series(found: Iterable[Instance]) -> dict[str, list[Instance]]:
    """Group instances by Series Instance UID."""
    groups: dict[str, list[Instance]] = {}
    for instance in found:
        groups.setdefault(instance.text("SeriesInstanceUID"), []).append(instance)
    return groups


def one_series(source: Files, series: str | None = None) -> list[Instance]:
    """Read the instances of one series.

    Raises
    ------
    SourceError
        ``SRC-NONE`` if there is no DICOM file; ``SRC-SERIES`` if there are several series and `series` (a Series
        Instance UID) names none of them.
    """
    groups = by_series(f for f in instances(source) if isinstance(f, Instance))
    if not groups:
        raise SourceError("SRC-NONE", "no DICOM file was found; name a folder, a zip archive or files")
    if series is not None and series in groups:
        return groups[series]
    if series is not None or len(groups) > 1:
        found = "\n".join(f"  {uid or 'no Series Instance UID'}: {len(g)} files" for uid, g in groups.items())
        asked = f"none of them is {series}" if series is not None else "choose one by its UID (--series UID)"
        raise SourceError("SRC-SERIES", f"there are {len(groups)} series; {asked}:\n{found}", series=list(groups))
    return next(iter(groups.values()))


def distinct(images: Iterable[Instance], tag: int) -> list[str]:
    """Return the different values of an attribute, as text; ``absent`` among them where an image lacks it."""
    found: dict[object, str] = {}
    for image in images:
        element = image.elements.get(tag)
        key = image.others.get(tag) if element is None else (element.stripped(), element.vr)
        found.setdefault(key, image.shown(tag) if key is not None else "absent")
    return list(found.values())


def beside(written: Files, uid: str) -> Files | None:
    """Look for a series in the input itself, and in the folders beside it; None where it is in none."""
    roots = [Path(p) for p in ([written] if isinstance(written, str | Path) else written)]
    if any(i.text("SeriesInstanceUID") == uid for i in instances(roots) if isinstance(i, Instance)):
        return list(map(str, roots))
    folder = roots[0] if roots[0].is_dir() else roots[0].parent
    neighbours = (p for p in sorted(folder.resolve().parent.iterdir()) if p.is_dir() and p != folder.resolve())
    for neighbour in islice(neighbours, _NEIGHBOURS):
        try:
            peeked = [i for i in islice(instances(neighbour), _PEEKED) if isinstance(i, Instance)]
        except (DeriveError, OSError):
            continue
        if any(i.text("SeriesInstanceUID") == uid for i in peeked):
            return str(neighbour)
    return None


def entity_of(tag: int, sop_class_uid: str) -> str:
    """Return the information entity that an attribute belongs to, one of :data:`ENTITIES`.

    By the IOD of the class; of a class without a table by those of the others, where they agree.
    """
    if standard.supported(sop_class_uid):
        rule = standard.iod(sop_class_uid).attributes.get(standard.keyword_of(tag) or "")
        return rule.entity if rule else _entities().get(tag, "Other")
    return _entities().get(tag, "Other")


@cache
def _entities() -> Mapping[int, str]:
    found: dict[int, str] = {}
    for uid in standard.sop_class_uids():
        for rule in standard.iod(uid).attributes.values():
            found[rule.tag] = rule.entity if found.get(rule.tag, rule.entity) == rule.entity else "Image"
    return found


def class_name(uid: str) -> str:
    """Return the name of a SOP class; its UID where it has none."""
    return str(UID(uid).name) if uid else "no SOP Class"


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
