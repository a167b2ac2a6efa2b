"""Everything that an inspection found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from derive.inspection.segments import InspectedSegmentation
from derive.inspection.stacks import Objects, Problem, Stack
from derive.inspection.text import block, refused, some, wrapped
from derive.inspection.verdicts import Verdict, fix_of
from derive.model.source import Skipped
from derive.reading.files import Unreadable
from derive.told.wording import counted
from derive.version import MODEL, VERSION

SCHEMA = "derive-inspect/1"


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
    segmentations : tuple of InspectedSegmentation
        Which of the objects hold segments, and which these are.
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
    segmentations: tuple[InspectedSegmentation, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that stands against deriving: unreadable files, then stack by stack."""
        files = tuple(Problem(u.code, u.reason, fix_of(u.code), "", ("derive.read",)) for u in self.unreadable)
        return files + tuple(p for s in self.stacks for p in s.problems)

    def __str__(self) -> str:
        """Return a block of lines for every stack, and a few for the rest."""
        return _text_of(self)

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
            "segmentations": [asdict(s) for s in self.segmentations],
            "skipped": [s._asdict() for s in self.skipped],
            "unreadable": [u._asdict() for u in self.unreadable],
            "whole": asdict(self.whole),
            "problems": [asdict(p) for p in self.problems],
        }


def _text_of(inspection: Inspection) -> str:
    segments = (each.lines() for each in inspection.segmentations)
    blocks = [_heading(inspection), *map(block, inspection.stacks), *segments, _rest(inspection)]
    return "\n\n".join("\n".join(lines) for lines in map(list, blocks) if lines)


def _heading(inspection: Inspection) -> Iterator[str]:
    read = sum(s.number is not None for s in inspection.stacks)
    parts = [counted(inspection.files, "file"), f"{read} series that derive reads"]
    if others := len(inspection.stacks) - read:
        parts.append(f"{others} that it does not")
    parts += [counted(inspection.patients, "patient"), counted(inspection.studies, "study")]
    yield f"{inspection.source}: {', '.join(parts)}"
    whole = inspection.whole
    if not whole.ok and (read != 1 or inspection.unreadable):
        first = Verdict(whole.code, whole.message.splitlines()[0].rstrip(":"), whole.fix)
        yield from refused("as a whole", first, [])


def _rest(inspection: Inspection) -> Iterator[str]:
    if inspection.objects:
        kinds = "; ".join(f"{o.count} {o.class_name or 'of no class'}" for o in inspection.objects)
        yield from wrapped("no images", kinds, 0)
    reasons: dict[str, list[str]] = {}
    for skipped in inspection.skipped:
        reasons.setdefault(skipped.reason, []).append(skipped.name)
    for reason, names in reasons.items():
        yield from wrapped("skipped", f"{counted(len(names), 'file')}: {reason} ({some(names)})", 0)
    for file in inspection.unreadable:
        yield from wrapped("unreadable", f"{file.code}: {file.reason}", 0)
