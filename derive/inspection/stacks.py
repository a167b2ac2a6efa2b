"""What an inspection finds of DICOM objects: stacks, what stands against deriving from them, and what is no image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from derive.inspection.content import Coding, Values
from derive.inspection.grid import Grid
from derive.inspection.parts import SeriesPart
from derive.inspection.verdicts import Verdict


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
    remarks : tuple of str
        What is odd about its files and stops nothing, a line a kind, as commands warn of it.
    parts : tuple of SeriesPart
        The stacks in it that :func:`derive.read` tells apart, with their volumes; none where it cannot.
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
    remarks: tuple[str, ...] = ()
    parts: tuple[SeriesPart, ...] = ()

    @property
    def images(self) -> int:
        """How many images it has: copies do not count."""
        return len(self.files) - len(self.copies)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is against it, each thing once with the operations that say so."""
        name = self.series_instance_uid
        reads = self.reads
        found: dict[tuple[str, str, str], list[str]] = {} if reads.ok else {(reads.code, reads.message, reads.fix): []}
        for operation, verdict in self.operations.items():
            if not verdict.ok:
                found.setdefault((verdict.code, verdict.message, verdict.fix), []).append(operation)
        return tuple(Problem(*said, name, tuple(operations)) for said, operations in found.items())

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {"images": self.images} | asdict(self) | {"parts": [part.to_json() for part in self.parts]}


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
