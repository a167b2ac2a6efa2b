"""A DICOMDIR of what is published (PS3.10 8.6, PS3.3 F): made of the files as they are now; an old one is never copied.

pydicom's FileSet would encode every object anew, which nobody had looked at then; its definitions of records are used.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

from pydicom import dcmread, dcmwrite, fileset
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

from derive.errors import OutputError
from derive.model.uids import IMPLEMENTATION_CLASS_UID
from derive.writing.atomic import write_file

NAME = "DICOMDIR"
#: What a record has to say and an object need not: filled as dummies are.
_FILLED = {
    **dict.fromkeys(("StudyDate", "ContentDate", "PresentationCreationDate", "StructureSetDate"), "19000101"),
    **dict.fromkeys(("StudyTime", "ContentTime", "PresentationCreationTime", "StructureSetTime"), "000000"),
    **dict.fromkeys(("StudyID", "PatientID", "ContentLabel", "RTPlanLabel", "StructureSetLabel"), "REMOVED"),
    **{"InstanceNumber": 1, "SeriesNumber": 1},
}
_LEVELS = (("PATIENT", "PatientID"), ("STUDY", "StudyInstanceUID"), ("SERIES", "SeriesInstanceUID"))
_IN_USE = 0xFFFF


@dataclass
class _Node:
    """A record and the records below it."""

    record: Dataset
    below: dict[str, _Node] = field(default_factory=dict)

    def all(self) -> Iterator[_Node]:
        """Give it, and all below, in the order in which they are written."""
        yield self
        for node in self.below.values():
            yield from node.all()


def write_dicomdir(folder: Path, files: Sequence[PurePosixPath]) -> None:
    """Write the DICOMDIR of a folder.

    Parameters
    ----------
    folder : Path
    files : sequence of PurePosixPath
        Below it; of names that a medium may have (PS3.10 8.2): eight capitals and digits.

    Raises
    ------
    OutputError
        ``OUT-DICOMDIR`` for an object of which no record can be made; ``OUT-WRITE``.
    """
    top = _Node(Dataset())
    for file in files:
        _add(top, dcmread(folder / file, stop_before_pixels=True, force=True), file)
    nodes = [node for one in top.below.values() for node in one.all()]
    directory = _directory([node.record for node in nodes])
    _point(directory, nodes, top)
    write_file(folder / NAME, _encoded(directory), overwrite=True)


def _add(top: _Node, dataset: Dataset, file: PurePosixPath) -> None:
    """Add the records of an object below those of its series."""
    for keyword, dummy in _FILLED.items():
        if not dataset.get(keyword):
            setattr(dataset, keyword, dummy)
    if "ContentSequence" in dataset:
        del dataset.ContentSequence  # a record repeats modifiers of the title at most
    leaf = _type_of(str(dataset.SOPClassUID))
    node = top
    try:
        for kind, keyword in _LEVELS:
            key = f"{kind} {dataset.get(keyword, '')}"
            node = node.below.setdefault(key, _Node(_record(kind, dataset)))
        record = _record(leaf, dataset)
    except (ValueError, AttributeError, KeyError) as error:
        text = f"of {file} no record of a DICOMDIR can be made ({type(error).__name__}); go without one"
        raise OutputError("OUT-DICOMDIR", text) from None
    record.ReferencedFileID = list(file.parts)
    record.ReferencedSOPClassUIDInFile = dataset.SOPClassUID
    record.ReferencedSOPInstanceUIDInFile = dataset.SOPInstanceUID
    record.ReferencedTransferSyntaxUIDInFile = dataset.file_meta.TransferSyntaxUID
    node.below[str(file)] = _Node(record)


def _type_of(sop_class_uid: str) -> str:
    kinds: dict[Any, str] = getattr(fileset, "_FOUR_LEVEL_SOP_CLASSES", {})
    return kinds.get(sop_class_uid, "IMAGE")


def _record(kind: str, dataset: Dataset) -> Dataset:
    record = Dataset()
    record.OffsetOfTheNextDirectoryRecord = record.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    record.RecordInUseFlag, record.DirectoryRecordType = _IN_USE, kind
    if "SpecificCharacterSet" in dataset:
        record.SpecificCharacterSet = dataset.SpecificCharacterSet
    record.update(fileset.DIRECTORY_RECORDERS[kind](dataset))
    return record


def _directory(records: Sequence[Dataset]) -> Dataset:
    directory = Dataset()
    directory.file_meta = FileMetaDataset()
    directory.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    directory.FileSetID = ""
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    directory.FileSetConsistencyFlag = 0
    directory.DirectoryRecordSequence = list(records)
    return directory


def _point(directory: Dataset, nodes: Sequence[_Node], top: _Node) -> None:
    """Say in each record where the next one and the first below lie: lengths do not depend on it."""
    written = dcmread(io.BytesIO(_encoded(directory)))
    places = {
        id(node): int(item.seq_item_tell) for node, item in zip(nodes, written.DirectoryRecordSequence, strict=True)
    }
    for node in (top, *nodes):
        below = list(node.below.values())
        for one, following in pairwise(below):
            one.record.OffsetOfTheNextDirectoryRecord = places[id(following)]
        if below and node is not top:
            node.record.OffsetOfReferencedLowerLevelDirectoryEntity = places[id(below[0])]
    roots = list(top.below.values())
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = places[id(roots[0])]
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = places[id(roots[-1])]


def _encoded(directory: Dataset) -> bytes:
    buffer = io.BytesIO()
    dcmwrite(buffer, directory, enforce_file_format=True)
    return buffer.getvalue()
