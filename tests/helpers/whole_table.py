"""Objects that hold every attribute of PS3.15 Table E.1-1, each with a value of its own, at some place."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from derive import standard
from derive.deidentification.engine.engine import Deidentified, Deidentifier
from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import run_of
from derive.rewriting.file import stored_file
from derive.standard import ConfidentialityRow

KEY = b"a key of the tests, 32 bytes long"
#: Attributes that other files hold: commands, File Meta Information, directories.
FOREIGN = frozenset({0x0000, 0x0002, 0x0004})
#: What decides how an object is read; its own row is tested by itself.
MARKS = frozenset({0x00080005, 0x00080016, 0x00080018})
#: Sequences that the table does not name, two levels of them: what stands in there is asked for by itself.
PLAIN = (0x00081115, 0x0008114A)
FUNCTIONAL_GROUPS = (0x52009230, 0x00209111)
CONTENT = (0x0040A730, 0x0040A730)

Setting = Callable[[Dataset], None]


@dataclass(frozen=True)
class Row:
    """A row, and what stands for it in an object."""

    tag: int
    vr: str
    table: ConfidentialityRow

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.table.shown} {self.table.name}"


@cache
def table_rows(edition: str = "2026d") -> tuple[Row, ...]:
    """Return the rows that a data set can hold; a curve and two overlays for those of repeating groups."""
    rows = [Row(tag, vr_of(tag, row.name), row) for tag, row in _numbered(edition) if tag >> 16 not in FOREIGN]
    return tuple(sorted(rows, key=lambda row: row.tag))


def _numbered(edition: str) -> Iterator[tuple[int, ConfidentialityRow]]:
    for row in standard.confidentiality_rows(edition):
        if row.tag is not None:
            yield row.tag, row
        elif "50xx" in row.shown:
            yield from ((tag, row) for tag in (0x50000005, 0x50000030, 0x50003000, 0x50020040))
        elif "60xx" in row.shown:
            element = int(row.shown[6:10], 16)
            yield from ((group | element, row) for group in (0x60000000, 0x60020000))


def vr_of(tag: int, name: str) -> str:
    """Return the VR of the dictionary, of a tag that it lacks by its name."""
    if dictionary_has_tag(tag):
        return dictionary_VR(tag).partition(" ")[0]
    if tag & 0xFF000000 == 0x50000000:
        return {0x0005: "US", 0x0030: "SH", 0x0040: "SH"}.get(tag & 0xFFFF, "OB")
    if tag & 0xFF000000 == 0x60000000:
        return "LT" if tag & 0xFFFF == 0x4000 else "OB"
    kinds = {"Sequence": "SQ", "DateTime": "DT", "Comment": "LT", "URI": "UR", "UID": "UI", "Reference": "UR"}
    return next((vr for end, vr in kinds.items() if name.endswith(end)), "LO")


def value_of(vr: str, number: int) -> object:
    """Return a value that no other row has, and that is no dummy of anybody's."""
    day = f"19{60 + number % 30:02d}{1 + number % 12:02d}{1 + number % 28:02d}"
    time = f"{number % 24:02d}{number % 60:02d}{number // 60 % 60:02d}.{number:06d}"
    uid = f"1.2.826.0.1.77.{number}.1"
    values: dict[str, object] = {
        "AE": f"KEPT{number}AE",
        "AS": f"{number % 90 + 10:03d}Y",
        "CS": f"KEPT{number}",
        "DA": day,
        "DT": day + time,
        "TM": time,
        "DS": f"{number}.625",
        "IS": str(7000 + number),
        "PN": f"Kept{number}^Canary",
        "UI": uid,
        "UR": f"http://kept{number}.example/",
        "OB": b"KEPT%06d" % number,
        "OW": b"KEPT%06d" % number,
        "UN": b"KEPT%06d" % number,
        "US": 7000 + number,
        "UL": 70000 + number,
        "FL": float(number) + 0.5,
        "FD": float(number) + 0.5,
        "SL": 70000 + number,
        "SS": 7000 + number,
        "AT": 0x00100010,
        "OF": b"\0\0\0\0",
        "OD": b"\0" * 8,
        "OL": b"\0\0\0\0",
        "OV": b"\0" * 8,
        "SV": 7000 + number,
        "UV": 7000 + number,
    }
    return values.get(vr, f"KEPT{number:05d} text")


def put(holder: Dataset, rows: tuple[Row, ...], first: int = 0) -> None:
    """Put every row into a data set; sequences with an item that has texts, a date, a name and a reference."""
    for number, row in enumerate(rows, first):
        value: object = Sequence([_content(number)]) if row.vr == "SQ" else value_of(row.vr, number)
        holder[Tag(row.tag)] = DataElement(Tag(row.tag), row.vr, value)


def _content(number: int) -> Dataset:
    item = Dataset()
    item.CodeMeaning, item.CodeValue = f"KEPT{number:05d} meaning", f"KEPT{number:05d}"
    item.CodingSchemeDesignator = "99KEPT"
    item.PersonName, item.TextValue = f"Kept{number}^Within", f"KEPT{number:05d} within"
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", value_of("UI", number)
    item.Date = value_of("DA", number)
    return item


def placed(rows: tuple[Row, ...], above: tuple[int, ...], sop_class_uid: str) -> Dataset:
    """Return an object that holds the rows within the sequences of a path."""
    whole = Dataset()
    whole.SpecificCharacterSet = "ISO_IR 192"
    whole.SOPClassUID, whole.SOPInstanceUID = sop_class_uid, "1.2.826.0.1.77.4711"
    held = whole
    for tag in above:
        inner = Dataset()
        held[Tag(tag)] = DataElement(Tag(tag), "SQ", Sequence([inner]))
        held = inner
    put(held, tuple(row for row in rows if above or row.tag not in MARKS))
    return whole


def at(dataset: Dataset, above: tuple[int, ...]) -> Dataset | None:
    """Return the item that holds the rows, where it is still there."""
    for tag in above:
        if Tag(tag) not in dataset or not dataset[Tag(tag)].value:
            return None
        dataset = dataset[Tag(tag)].value[0]
    return dataset


def written(dataset: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return a data set as a file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    stream = io.BytesIO()
    how = {"implicit_vr": syntax == ImplicitVRLittleEndian, "little_endian": syntax != ExplicitVRBigEndian}
    dataset.save_as(stream, enforce_file_format=True, **how)
    return stream.getvalue()


def through(dataset: Dataset, profile: Profile) -> tuple[Dataset, bytes, Deidentified]:
    """De-identify an object; return it as it is read back, its bytes, and what was done."""
    out, found = through_bytes(written(dataset), profile)
    return dcmread(io.BytesIO(out)), out, found


def through_bytes(data: bytes, profile: Profile) -> tuple[bytes, Deidentified]:
    """De-identify a file; return its bytes, and what was done."""
    found = Deidentifier(profile, run_of(profile, KEY)).file(stored_file("an object", lambda: io.BytesIO(data)))
    return b"".join(part if isinstance(part, bytes) else b"".join(part.chunks()) for part in found.parts), found
