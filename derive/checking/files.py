"""The check of anybody's files: folders, files, grouped by series."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator
from typing import IO

import numpy as np
from pydicom import dcmread
from pydicom.charset import default_encoding
from pydicom.config import disable_value_validation
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian, MediaStorageDirectoryStorage

from derive.checking.finding import CheckReport, Finding, finding, strictly
from derive.checking.frames.numbers import FrameNumbers
from derive.checking.groups import group_findings
from derive.checking.many_frames import FramesInFile, before_frames, many_frames, order_of, pixels_of
from derive.checking.series import SeriesChecker
from derive.elements.datasets import from_dataset
from derive.elements.element import Element, keyword_of
from derive.elements.instance import Instance
from derive.elements.spans import PIXELS
from derive.errors import SourceError
from derive.model.source import Skipped
from derive.reading.files import HEAD_LENGTH, Files, Origin, Unreadable, find, has_preamble, unreadable, why_not_dicom
from derive.reading.header import Header, Reader
from derive.standard import value_syntax
from derive.standard.vr import TEXT_VRS
from derive.told.progress import counting
from derive.told.secrecy import shown_uid

_ITEM_TAGS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
_META_TYPE_1 = (
    "FileMetaInformationVersion",
    "MediaStorageSOPClassUID",
    "MediaStorageSOPInstanceUID",
    "TransferSyntaxUID",
    "ImplementationClassUID",
)


def check(source: Files, *, strict: bool = False, pixels: bool = True) -> CheckReport:
    """Check files against the tables of the standard, and each series as a whole.

    Parameters
    ----------
    source : path, or iterable of paths
        Files, folders (with all that is in them) and zip archives. What is no DICOM file is passed over.
    strict : bool
        Whether every file is held to what a derived one is held to (column ``made`` of ``checks.tsv``).
    pixels : bool
        Whether Pixel Data is looked at, and so read; without it a file costs the memory of its header.

    Returns
    -------
    CheckReport
        Files that cannot be read and classes without a table are findings; nothing is raised for them.
    """
    checking = _Checking(pixels)
    with warnings.catch_warnings(), disable_value_validation():
        warnings.simplefilter("ignore")  # what pydicom warns of is a finding here
        for found in counting("checking", find(source)):
            if isinstance(found, Origin):
                checking.file(found)
            elif isinstance(found, Unreadable):
                checking.unreadable(found)
    report = checking.report()
    return strictly(report) if strict else report


class _Checking:
    """One run over files: a checker a series, and which UIDs were seen where."""

    def __init__(self, pixels: bool) -> None:
        self.pixels = pixels
        self.checkers: dict[str, SeriesChecker] = {}
        self.studies: dict[str, tuple[str, str]] = {}
        self.instances: dict[str, tuple[str, str]] = {}
        self.findings: list[Finding] = []
        self.numbers = FrameNumbers()
        self.count = 0
        self.reader = Reader()

    def file(self, origin: Origin) -> None:
        """Check one file; pass over what is no DICOM, and directories of media (PS3.10 8.6)."""
        name = origin.name
        try:
            with origin.open() as stream:
                head = stream.read(HEAD_LENGTH)
                if why_not_dicom(head, origin):
                    return
                stream.seek(0)
                header = self.reader.read(origin)
                dataset = self._dataset(stream, header, force=not has_preamble(head))
            judges = (meta_findings, order_findings, sequence_findings, group_findings)
            found = [f for judge in judges for f in judge(dataset, name)]  # before anything is decoded
            found += _header_findings(header, name)
            elements, pixels = self._elements(dataset, header)
        except (SourceError, OSError) as error:
            self.unreadable(unreadable(name, error))
            return
        except Exception as error:  # pydicom raises what it likes on a damaged file
            self.count += 1
            message = f"the file cannot be read ({type(error).__name__}); it may be damaged or cut off"
            self.findings.append(finding("CHK-READ", "", message, name))
            return
        if not (elements or dataset.file_meta):
            return
        self.count += 1
        self.findings += found
        if dataset.file_meta.get("MediaStorageSOPClassUID") != MediaStorageDirectoryStorage:
            self._add(dataset, elements, pixels, name)

    def _dataset(self, stream: IO[bytes], header: Header | Skipped, *, force: bool) -> Dataset:
        stream.seek(0)
        if many_frames(header):
            return before_frames(stream, force=force)
        return dcmread(stream, force=force, stop_before_pixels=not self.pixels)

    def _elements(self, dataset: Dataset, header: Header | Skipped) -> tuple[dict[int, Element], FramesInFile | None]:
        """The standard attributes of a file, and its frames where they are judged one by one."""
        if not many_frames(header):
            return elements_of(dataset), None
        said, pixels = pixels_of(header) if self.pixels else ({}, None)
        return {**header.elements, **said}, pixels

    def unreadable(self, found: Unreadable) -> None:
        """List what cannot be read."""
        self.count += 1
        self.findings.append(finding("CHK-READ", "", found.reason, found.name))

    def report(self) -> CheckReport:
        """Finish every series."""
        if not self.count:
            self.findings.append(finding("CHK-NONE", "", "no DICOM file was found; name a folder or files", ""))
        for checker in self.checkers.values():
            self.findings += checker.finish()
        self.findings += self.numbers.findings()
        ordered = sorted(self.findings, key=lambda f: f.severity)
        return CheckReport(tuple(ordered), self.count, len(self.checkers))

    def _add(self, dataset: Dataset, elements: dict[int, Element], pixels: FramesInFile | None, name: str) -> None:
        instance = Instance(name, elements, strict=False)
        series, study = instance.text("SeriesInstanceUID"), instance.text("StudyInstanceUID")
        self.findings += self._clashes(instance.text("SOPInstanceUID"), series, study, name)
        checker = self.checkers.setdefault(series, SeriesChecker(numbers=self.numbers))
        encapsulated = _syntax(dataset).is_encapsulated
        self.findings += checker.add(elements, None, name, encapsulated=encapsulated, pixels=pixels)

    def _clashes(self, instance: str, series: str, study: str, name: str) -> Iterator[Finding]:
        """Look for UIDs that two series share; within one series its checker does."""
        other, first = self.instances.setdefault(instance, (series, name))
        if other != series:
            message = f"{shown_uid(instance)} is also that of {first}, which is of another series"
            yield finding("CHK-UID-CLASH", "SOPInstanceUID", message, name)
        other, first = self.studies.setdefault(series, (study, name))
        if other != study:
            message = f"{shown_uid(series)} is also that of {first}, which is of another study"
            yield finding("CHK-UID-CLASH", "SeriesInstanceUID", message, name)


def _header_findings(header: Header | Skipped, name: str) -> Iterator[Finding]:
    """Judge what was odd when the header was read: above all another encoding than is declared (PS3.10 7.1)."""
    for remark in header.remarks if isinstance(header, Header) else ():
        if remark.code == "SRC-ENCODING":
            yield finding("CHK-ENCODING", "TransferSyntaxUID", f"is another one: {remark.message}", name)
    yield from order_of(header, name)


def meta_findings(dataset: Dataset, name: str) -> Iterator[Finding]:
    """Judge whether File Meta Information is there and says what the data set says (PS3.10 7.1)."""
    meta = dataset.file_meta
    if not meta:
        yield finding("CHK-META", "", "the file has no File Meta Information; wanted it, with a preamble", name)
        return
    for keyword in _META_TYPE_1:
        if not meta.get(keyword):
            yield finding("CHK-META", keyword, "is absent from the File Meta Information; wanted a value", name)
    for keyword, own in (("MediaStorageSOPClassUID", "SOPClassUID"), ("MediaStorageSOPInstanceUID", "SOPInstanceUID")):
        said, wanted = str(meta.get(keyword) or ""), str(dataset.get(own) or "")
        if said and wanted and said != wanted:
            yield finding(
                "CHK-META", keyword, f"is {shown_uid(said)}; {own} of the data set is {shown_uid(wanted)}", name
            )
    for tag in meta.keys():  # noqa: SIM118 - iterating a Dataset decodes every element
        stored = meta.get_item(tag)
        if isinstance(stored.value, bytes) and stored.VR in TEXT_VRS:
            yield from _meta_syntax(Element(int(tag), str(stored.VR), stored.value), name)


def _meta_syntax(element: Element, name: str) -> Iterator[Finding]:
    try:
        values = value_syntax.split(element.vr, element.value, (default_encoding,))
    except UnicodeError:
        yield finding("CHK-META", element.keyword, "is not in the default character repertoire", name)
        return
    for fault in filter(None, (value_syntax.fault(element.vr, v) for v in values)):
        yield finding("CHK-META", element.keyword, fault, name)


def order_findings(dataset: Dataset, name: str) -> Iterator[Finding]:
    """Judge whether the elements are in the order of their tags (PS3.5 7.1)."""
    tags = [int(tag) for tag in dataset.keys()]  # noqa: SIM118 - iterating a Dataset decodes every element
    wrong = next((b for a, b in itertools.pairwise(tags) if b <= a), None)
    if wrong is not None:
        yield finding("CHK-ORDER", keyword_of(wrong), "comes after an element with a higher tag", name)


def sequence_findings(dataset: Dataset, name: str) -> Iterator[Finding]:
    """Judge whether sequences start with an item, which pydicom does not ask of them (PS3.5 7.5)."""
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset decodes every element
        stored = dataset.get_item(tag)
        sequence = isinstance(stored, RawDataElement) and stored.VR == "SQ"
        if sequence and stored.value and stored.value[:4] not in _ITEM_TAGS:
            yield finding("CHK-SEQUENCE", keyword_of(int(tag)), "does not start with an item", name)


def elements_of(dataset: Dataset) -> dict[int, Element]:
    """Return the standard attributes of a data set, Pixel Data among them."""
    elements = from_dataset(dataset)
    for tag in PIXELS.intersection(dataset.keys()):
        stored = dataset.get_item(tag)
        vr, value = str(stored.VR or "OW"), stored.value or b""
        if not _syntax(dataset).is_little_endian and vr == "OW":
            value = np.frombuffer(value[: len(value) // 2 * 2], ">u2").astype("<u2").tobytes()
        elements[tag] = Element(tag, vr.split(" or ")[-1], value)
    return elements


def _syntax(dataset: Dataset) -> UID:
    """Return the transfer syntax; the default one (PS3.5 10.1) where none is named."""
    syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID") or ImplicitVRLittleEndian))
    return syntax if syntax.is_transfer_syntax else ImplicitVRLittleEndian
