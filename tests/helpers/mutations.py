"""Mutations of valid series: a table of one fault each, with what the check and two other validators say.

``mutations.tsv`` has one row a mutation: the class; which instances are changed (``all`` or ``last``); the change;
the findings of :func:`derive.check`, of dciodvfy and of dcentvfy that the valid series has not. A change is made of
parts joined by `` ; ``, each ``drop PATH`` or ``PATH = VALUE``. A path is of keywords joined by ``>``, which lead
into first items, or into item number n of ``Sequence[n]``, or into all of ``Sequence[*]``; ``VR PATH = VALUE`` names
the value representation, and a path may be a tag (ggggeeee). A value is
the text as in a file (``A\\B``, ``\\xNN`` for a byte), or the items of a sequence as JSON.

``frame_mutations.tsv`` has the same of multi-frame images: ``enhanced`` or ``legacy`` before the modality says so.

``python -m tests.helpers.mutations`` writes the findings anew.
"""

from __future__ import annotations

import csv
import json
import re
import struct
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag

from derive.checking import Finding, check
from tests.helpers.instances import series
from tests.helpers.multi_frame import multi_frame
from tests.helpers.peers import program

TABLE = Path(__file__).with_suffix(".tsv")
FRAMES = TABLE.with_name("frame_mutations.tsv")
_PACKED = {"US": "H", "SS": "h", "UL": "L", "FD": "d", "FL": "f"}
#: What is said of every file: nothing of it speaks of the mutation.
_OF_ALL = re.compile(r"build DICOMDIR|Missing SOPInstanceUID that was referenced|Image$|OK only If|^$")


@dataclass(frozen=True)
class Mutation:
    """One row of the table; findings are "" where nothing is said, else joined by a comma and a space."""

    modality: str
    which: str
    change: str
    check: str
    dciodvfy: str
    dcentvfy: str


def mutations(table: Path = TABLE) -> list[Mutation]:
    lines = table.read_text(encoding="utf-8").splitlines()
    return [Mutation(**row) for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


def base(modality: str) -> list[Dataset]:
    """A valid series in which more is known than has to be, as bytes."""
    return [dcmread(BytesIO(file)) for file in _files(modality)]


@cache
def _files(modality: str) -> tuple[bytes, ...]:
    form, _, plain = modality.rpartition(" ")
    datasets = [_of_frames(form, plain)] if form else series(modality, 3)
    for dataset in datasets:
        dataset.PatientBirthDate, dataset.StudyDate, dataset.StudyTime, dataset.StudyID = (
            "19500101",
            "20260102",
            "101112",
            "S1",
        )
        dataset.ContentDate, dataset.ContentTime = "20260103", "090000"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return tuple(map(_bytes, datasets))


def _of_frames(form: str, modality: str) -> Dataset:
    """Four frames, two volumes of MR; of one class in each form."""
    along = {"MR": {"EffectiveEchoTime": (10, 20)}}.get(modality, {}) if form == "enhanced" else {}
    return multi_frame(modality, legacy=form == "legacy", slices=4 // (1 + len(along)), along=along)


def _bytes(dataset: Dataset) -> bytes:
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def write_mutated(folder: Path, mutation: Mutation) -> list[Path]:
    with warnings.catch_warnings(action="ignore"), disable_value_validation():
        return _write_mutated(folder, mutation)


def _write_mutated(folder: Path, mutation: Mutation) -> list[Path]:
    datasets = base(mutation.modality)
    for dataset in datasets if mutation.which == "all" else datasets[-1:]:
        for part in mutation.change.split(" ; ") if mutation.change else ():
            _apply(dataset, part)
    folder.mkdir(parents=True)
    for number, dataset in enumerate(datasets, 1):
        dataset.set_original_encoding(False, True, dataset._character_set)  # what was put in stays as it is
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return sorted(folder.iterdir())


def _apply(dataset: Dataset, part: str) -> None:
    if part.startswith("drop "):
        for holder, tag in _places(dataset, part.removeprefix("drop ")):
            del holder[tag]
        return
    path, _, value = part.partition(" = ")
    vr, _, path = path.rpartition(" ")
    for holder, tag in _places(dataset, path):
        _set(holder, tag, vr or _vr(dataset, tag), value)


def _vr(dataset: Dataset, tag: int) -> str:
    signed = "SS" if dataset.get("PixelRepresentation") else "US"
    return {"US or SS": signed}.get(dictionary_VR(tag), dictionary_VR(tag))


def _places(dataset: Dataset, path: str) -> list[tuple[Dataset, int]]:
    *sequences, last = path.split(">")
    holders = [dataset]
    for step in sequences:
        keyword, _, number = step.rstrip("]").partition("[")
        inside = [holder[keyword].value for holder in holders]
        holders = [item for items in inside for item in (items if number == "*" else [items[int(number or 1) - 1]])]
    tag = tag_for_keyword(last)
    return [(holder, Tag(tag if tag is not None else int(last, 16))) for holder in holders]


def _set(holder: Dataset, tag: int, vr: str, value: str) -> None:
    if vr == "SQ":
        holder.add_new(tag, "SQ", Items([_item(i) for i in json.loads(value or "[]")]))
        return
    if vr in _PACKED:
        data = b"".join(struct.pack(f"<{_PACKED[vr]}", _number(v)) for v in value.split("\\") if v)
    else:
        data = re.sub(rb"\\x(..)", lambda m: bytes([int(m[1], 16)]), value.encode())
        data += (b"\0" if vr in ("UI", "OB", "OW") else b" ") * (len(data) % 2)
    holder[tag] = RawDataElement(Tag(tag), vr, len(data), data, 0, False, True)


def _number(text: str) -> float:
    return float(text) if "." in text else int(text)


def _item(attributes: dict[str, Any]) -> Dataset:
    item = Dataset()
    for keyword, value in attributes.items():
        of_items = isinstance(value, list) and all(isinstance(i, dict) for i in value)
        given = Items([_item(i) for i in value]) if of_items else value
        tag = Tag(keyword)
        item.add_new(tag, dictionary_VR(tag).split(" or ")[-1], given)
    return item


def found_by_check(folder: Path) -> tuple[Finding, ...]:
    return check(folder).findings


def in_words(findings: Iterable[Finding]) -> str:
    """Code and severity of findings, each once."""
    return ", ".join(sorted({f"{f.severity} {f.code}" for f in findings}))


def dciodvfy_says(files: Sequence[Path]) -> set[str]:
    """Errors and warnings of dciodvfy, each file by itself."""
    return {text for file in files for text in _said("dciodvfy", "-new", str(file))}


def dcentvfy_says(files: Sequence[Path]) -> set[str]:
    """Errors of dcentvfy, of files together."""
    return _said("dcentvfy", *map(str, files))


def _said(name: str, *arguments: str) -> set[str]:
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, errors="replace")
    lines = [_text(line) for line in (done.stdout + done.stderr).splitlines()]
    said = {line for line in lines if not _OF_ALL.search(line)}
    if done.returncode not in (0, 1):
        said.add(f"Error - aborted with status {done.returncode}")
    return said


def _text(line: str) -> str:
    return re.sub(r" (for file|versus) <[^>]*>|= ?<[^>]*>| - got .*", "", line).strip()


def severity_of(said: set[str]) -> str:
    """The worst that a validator says: "error", "warning" or ""."""
    errors = any(s.startswith("Error") or not s.startswith("Warning") for s in said)
    return "error" if errors else "warning" if said else ""


@dataclass(frozen=True)
class Said:
    """What is said of one mutation, without what is said of the valid series."""

    dciodvfy: frozenset[str]
    dcentvfy: frozenset[str]


def asked(folder: Path, wanted: Sequence[Mutation]) -> list[Said]:
    """Ask both validators of many mutations at once."""
    valid = {m: Mutation(m, "all", "", "", "", "") for m in {w.modality for w in wanted}}
    every = [*valid.values(), *wanted]
    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda pair: _asked(folder / str(pair[0]), pair[1]), enumerate(every)))
    before = dict(zip(valid, said, strict=False))
    return [
        Said(s.dciodvfy - before[w.modality].dciodvfy, s.dcentvfy - before[w.modality].dcentvfy)
        for w, s in zip(wanted, said[len(valid) :], strict=True)
    ]


def _asked(folder: Path, mutation: Mutation) -> Said:
    files = write_mutated(folder, mutation)
    return Said(frozenset(dciodvfy_says(files[-1:])), frozenset(dcentvfy_says(files)))


def _main(path: Path) -> None:
    table, say = mutations(path), sys.stdout.write
    with tempfile.TemporaryDirectory() as folder:
        said = asked(Path(folder), table)
        rows = []
        for number, (mutation, each) in enumerate(zip(table, said, strict=True)):
            target = Path(folder) / f"c{number}"
            write_mutated(target, mutation)
            rows.append(
                replace(
                    mutation,
                    check=in_words(found_by_check(target)),
                    dciodvfy=severity_of(set(each.dciodvfy)),
                    dcentvfy=severity_of(set(each.dcentvfy)),
                )
            )
            if texts := sorted(each.dciodvfy | each.dcentvfy):
                mutated = f"{mutation.modality}  {mutation.which}  {mutation.change}"
                say(f"{mutated}  |  {rows[-1].check}  |  {'  '.join(texts)}\n")
    names = [f.name for f in fields(Mutation)]
    lines = ["\t".join(names), *("\t".join(astuple(row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for each_table in (TABLE, FRAMES):
        _main(each_table)
