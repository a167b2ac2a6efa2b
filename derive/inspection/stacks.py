"""What an inspection finds: stacks, other objects, and what is no DICOM or cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from derive.inspection.content import Coding, Values
from derive.inspection.grid import Grid
from derive.inspection.text import text_of
from derive.inspection.verdicts import Verdict, fix_of
from derive.model.source import Skipped
from derive.reading.scan import Unreadable
from derive.version import MODEL, VERSION

SCHEMA = "derive-inspect/1"


@dataclass(frozen=True)
class Stack:
    """The images of one series; of a class that derive does not read, of one series and class.

    Parameters
    ----------
    number : int, optional
        Its place among the series, as ``--series '#2'`` counts them; None where derive does not read the class.
    modality, sop_class_uid, class_name : str
    series_instance_uid, study_instance_uid, frame_of_reference_uid, series_number : str
        As the images say; empty where they do not.
    frames : int
        Of all images together; copies do not count.
    image_types : tuple of str
        Image Type, the most frequent first.
    files : tuple of str
        Below what was inspected.
    copies : tuple of str
        Files among them whose header says the same as that of another one.
    grid : Grid
    values : Values
    coding : Coding
    reads : Verdict
        What :func:`derive.read` says to its files alone.
    without_odd : Verdict, optional
        What it says to them without those that are odd, where there are any and it refuses.
    operations : mapping name -> Verdict
        What each operation says, and ``export`` (a volume of it) and ``convert`` (it as a reference).
    choose : str
        The flag that chooses it among several series.
    """

    number: int | None
    modality: str
    sop_class_uid: str
    class_name: str
    series_instance_uid: str
    study_instance_uid: str
    frame_of_reference_uid: str
    series_number: str
    frames: int
    image_types: tuple[str, ...]
    files: tuple[str, ...]
    copies: tuple[str, ...]
    grid: Grid
    values: Values
    coding: Coding
    reads: Verdict
    without_odd: Verdict | None
    operations: Mapping[str, Verdict]
    choose: str = ""

    @property
    def images(self) -> int:
        """How many images it has: copies do not count."""
        return len(self.files) - len(self.copies)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is against it, each thing once with the operations that say so."""
        name = self.series_instance_uid
        if not self.reads.ok:
            return (Problem(self.reads.code, self.reads.message, self.reads.fix, name, tuple(self.operations)),)
        found: dict[tuple[str, str, str], list[str]] = {}
        for operation, verdict in self.operations.items():
            if not verdict.ok:
                found.setdefault((verdict.code, verdict.message, verdict.fix), []).append(operation)
        return tuple(Problem(*said, name, tuple(operations)) for said, operations in found.items())

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {"images": self.images} | asdict(self)


@dataclass(frozen=True)
class Objects:
    """DICOM objects of one class that are no images."""

    class_name: str
    sop_class_uid: str
    count: int


@dataclass(frozen=True)
class Problem:
    """Something that stands against deriving.

    Parameters
    ----------
    code, message, fix : str
        As in :class:`Verdict`.
    series_instance_uid : str
        Of the stack; empty for a file.
    operations : tuple of str
        Who says so.
    """

    code: str
    message: str
    fix: str
    series_instance_uid: str
    operations: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """What a folder, an archive or a list of files holds.

    Whose it is, is not said: only of how many patients and studies.

    Parameters
    ----------
    source : str
        What was inspected.
    files : int
        How many were looked at.
    patients, studies : int
        How many different ones all DICOM objects name.
    stacks : tuple of Stack
        Those of classes that derive reads first, in the order in which ``--series`` counts them.
    objects : tuple of Objects
        What is no image, by class.
    skipped : tuple of Skipped
        Files that are no DICOM objects, and why.
    unreadable : tuple of Unreadable
        Files that are, or may be, and cannot be read.
    whole : Verdict
        What :func:`derive.read` says to all of it, without a choice.
    """

    source: str
    files: int
    patients: int
    studies: int
    stacks: tuple[Stack, ...]
    objects: tuple[Objects, ...]
    skipped: tuple[Skipped, ...]
    unreadable: tuple[Unreadable, ...]
    whole: Verdict

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that stands against deriving: unreadable files, then stack by stack."""
        files = tuple(Problem(u.code, u.reason, fix_of(u.code), "", ("derive.read",)) for u in self.unreadable)
        return files + tuple(p for s in self.stacks for p in s.problems)

    def __str__(self) -> str:
        """Return a block of lines for every stack, and a few for the rest."""
        return text_of(self)

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "schema": SCHEMA,
            "software": {"name": MODEL, "version": VERSION},
            "source": self.source,
            "files": self.files,
            "patients": self.patients,
            "studies": self.studies,
            "stacks": [s.to_json() for s in self.stacks],
            "objects": [asdict(o) for o in self.objects],
            "skipped": [s._asdict() for s in self.skipped],
            "unreadable": [u._asdict() for u in self.unreadable],
            "whole": asdict(self.whole),
            "problems": [asdict(p) for p in self.problems],
        }
