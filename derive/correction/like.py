"""Patient and study of another object: whole information entities, with all that they say."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from derive import standard
from derive.correction.charset import transcoded
from derive.correction.members import members_of
from derive.elements.datasets import from_dataset
from derive.elements.element import Element
from derive.elements.instance import Instance
from derive.errors import SourceError, UsageError
from derive.pacs.address import split_series
from derive.pacs.config import Destination
from derive.pacs.fetch import fetch
from derive.pacs.find import find
from derive.pacs.found import FoundSeries
from derive.rewriting.change import AttributeChange
from derive.rewriting.file import StoredFile
from derive.rewriting.nested import NestedPath
from derive.told.secrecy import shown_uid
from derive.told.wording import counted
from derive.writing.unfinished import scratch

#: Information entities that can be taken over, by what they are called here.
ENTITIES = {"patient": "Patient", "study": "Study"}
#: An IOD that has all modules of a patient and a study; those of the two entities are the same in all.
_CT = "1.2.840.10008.5.1.4.1.1.2"


@dataclass(frozen=True)
class Like:
    """What another object, or an answer of an archive or a worklist, says of a patient and a study.

    Parameters
    ----------
    said : Instance
    tags : frozenset of int
        Attributes of the entities that are taken over.
    is_whole : bool
        Whether what it does not say is not there: of an object; an answer says what was asked for.
    """

    said: Instance = field(repr=False)
    tags: frozenset[int] = field(repr=False)
    is_whole: bool

    def __call__(self, stored: StoredFile, encodings: Sequence[str]) -> list[AttributeChange]:
        """Say what changes in an instance.

        Raises
        ------
        UsageError
            ``COR-CHARSET`` for text that the instance's character set cannot say.
        """
        sets, changes = (self.said.encodings, encodings), []
        for tag in sorted(self.tags):
            new = self.said.elements.get(tag)
            if new is not None:
                changes.append(AttributeChange(NestedPath((), tag), transcoded(new, sets, stored.name)))
            elif self.is_whole and tag in stored.head.elements:
                changes.append(AttributeChange(NestedPath((), tag), _gone(tag, stored)))
        return changes


def _gone(tag: int, stored: StoredFile) -> Element | None:
    """Return an attribute that the other lacks: empty where it has to be there."""
    if standard.type_of(stored.sop_class_uid, (tag,)) not in ("1", "2"):
        return None
    return Element(tag, stored.head.elements[tag].vr, b"")


@cache
def tags_of(entity: str) -> frozenset[int]:
    """Return the attributes of an information entity."""
    rules = standard.iod(_CT).all_rules.values()
    return frozenset(rule.tag for found in rules for rule in found if rule.entity == ENTITIES[entity])


def like_of(source: str | Path | Dataset | Mapping[str, Any], entities: Iterable[str]) -> Like:
    """Read what another says of a patient and a study.

    Parameters
    ----------
    source : path, pydicom Dataset or mapping
        A file, or a folder of objects of one study; an answer of a modality worklist or of QIDO-RS in the DICOM JSON
        model (PS3.18 F), as a file or as it was parsed: one object, or a list of one; a study of an archive
        (``AET@host:port/STUDY_UID``, ``alias/STUDY_UID``).
    entities : iterable of str
        ``patient``, ``study``.

    Raises
    ------
    UsageError
        ``COR-ENTITY`` for an entity that is not taken over; ``COR-LIKE`` for what says two patients or studies, or
        nothing of them.
    SourceError
        For what cannot be read.
    """
    wanted = tuple(entities)
    if unknown := [name for name in wanted if name not in ENTITIES]:
        raise UsageError("COR-ENTITY", f"{unknown[0]!r:.40} is not taken over; there are {', '.join(ENTITIES)}")
    if not wanted:
        raise UsageError("COR-ENTITY", f"no entity is named; there are {', '.join(ENTITIES)}")
    tags = frozenset[int]().union(*map(tags_of, wanted))
    said, is_whole = _said(source)
    if not any(tag in said.elements for tag in tags):
        raise UsageError("COR-LIKE", f"what is to be taken over says nothing of {' and '.join(wanted)}")
    return Like(said, tags, is_whole)


def _said(source: str | Path | Dataset | Mapping[str, Any]) -> tuple[Instance, bool]:
    if isinstance(source, Dataset):
        return _of_dataset(source), True
    if isinstance(source, Mapping):
        return _of_json(source), False
    if isinstance(source, str) and (named := split_series(source)) is not None:
        with fetched_like(*named) as folder:
            return _of_objects(folder), True
    path = Path(source)
    if path.is_file() and path.read_bytes()[:4096].lstrip()[:1] in (b"{", b"["):
        try:
            return _of_json(json.loads(path.read_text(encoding="utf-8"))), False
        except ValueError as error:
            raise SourceError("SRC-UNREADABLE", f"{path.name} is no JSON: {error}") from error
    return _of_objects(path), True


@contextmanager
def fetched_like(archive: str | Destination, study_uid: str) -> Iterator[Path]:
    """Give a folder with the smallest series of a study of an archive, for as long as the block runs.

    All objects of a study say the same patient and the same study, so that one series will do.

    Raises
    ------
    SourceError
        ``NET-NOTFOUND`` where there is no such study.
    NetworkError
        As :func:`derive.fetch`.
    """
    rows = [row for row in find(archive, level="series", study_uid=study_uid) if isinstance(row, FoundSeries)]
    if not rows:
        raise SourceError("NET-NOTFOUND", f"the archive has no study {shown_uid(study_uid)}")
    smallest = min(rows, key=lambda row: row.instances or sys.maxsize)
    with scratch() as folder:
        named = smallest.series_instance_uid
        yield fetch(archive, Path(folder) / "like", study_uid=study_uid, series_uid=named).folder


def _of_objects(path: Path) -> Instance:
    """Return the header of one of some objects, which say the same patient and the same study."""
    headers = [s.instance for s in (m.stored() for m in members_of(path).objects) if not s.is_directory]
    for keyword, what in (("PatientID", "patient"), ("StudyInstanceUID", "study")):
        found = {header.raw(keyword) for header in headers}
        if len(found) > 1:
            raise UsageError(
                "COR-LIKE", f"{path.name} has {counted(len(found), what)}; name a file of the one that is meant"
            )
    if not headers:
        raise SourceError("SRC-NONE", f"there is no DICOM object in {path.name}")
    return headers[0]


def _of_json(value: Any) -> Instance:
    answers = value if isinstance(value, list) else [value]
    if len(answers) != 1 or not isinstance(answers[0], Mapping):
        raise UsageError("COR-LIKE", f"the answer holds {counted(len(answers), 'object')}; wanted one")
    try:
        with warnings.catch_warnings(action="ignore"):  # pydicom's quote odd values, which may name a patient
            dataset = Dataset.from_json(dict(answers[0]))
    except Exception as error:  # pydicom raises whatever is not as the model has it
        message = f"the answer is not in the DICOM JSON model (PS3.18 F): {type(error).__name__}"
        raise SourceError("SRC-UNREADABLE", message) from error
    return _of_dataset(dataset)


def _of_dataset(dataset: Dataset) -> Instance:
    """Return what a data set says; text of JSON is in UTF-8."""
    if "SpecificCharacterSet" not in dataset:
        dataset.SpecificCharacterSet = "ISO_IR 192"
    with warnings.catch_warnings(action="ignore"):
        elements = from_dataset(dataset, whole=False)
    return Instance("what is taken over", elements, strict=False)
