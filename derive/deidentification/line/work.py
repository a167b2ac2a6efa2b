"""The second pass, one object after another: read, blanked, rewritten, written, read again and searched.

A worker is a process, or this one. It is set up once (:func:`at_bench`) and then takes batches; what it returns goes
through a pipe, so an account that it has sent before goes as its number.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, NamedTuple

from derive.deidentification.check.checker import DeidChecker
from derive.deidentification.check.links import Links
from derive.deidentification.engine.changes import Decided
from derive.deidentification.engine.engine import Deidentified, Deidentifier
from derive.deidentification.line.account import Shortcoming
from derive.deidentification.line.caution import Caution
from derive.deidentification.line.layout import Names
from derive.deidentification.line.review import Kept, kept_texts
from derive.deidentification.line.survey import Member, Other, Survey
from derive.deidentification.pixels.clean import clean_pixels
from derive.deidentification.profile.wanted import Settled
from derive.elements.instance import Instance
from derive.errors import DeriveError, OutputError, SourceError
from derive.reading.files import Origin
from derive.rewriting.file import Passage, StoredFile, stored_dataset, stored_file
from derive.told.wording import flag
from derive.writing.part10 import file_name, write_instance

#: An object that holds a document of another format (PS3.3 C.24.2).
_DOCUMENT = 0x00420011
#: How many objects, of how many bytes together, a worker takes at a time.
_TOGETHER, _TOGETHER_BYTES = 16, 1 << 25


class Batch(NamedTuple):
    """Some objects of one series, which one worker takes.

    Parameters
    ----------
    series, first, end : int
        Which series, and which of its objects.
    is_last : bool
        Whether the series is done with it.
    """

    series: int
    first: int
    end: int
    is_last: bool


class Treated(NamedTuple):
    """What became of one object.

    Parameters
    ----------
    name : str
        Of its new file until its series is published; empty where there is none.
    now, before : Names
        What it says of itself now and said before.
    sop_class : str
    account : tuple of int
        Process and number of its account.
    decisions : tuple of Decided
        The account, the first time; empty afterwards.
    codes : tuple of str
        Of CID 7050 that it claims.
    unclaimed : tuple of (option, why)
        Options that were asked for and are not claimed.
    risks : tuple of Caution
    blanked : tuple of str
        What said what was blanked in its pixels.
    faults : tuple of Shortcoming
        Why it is not published.
    refused, skipped : Other, optional
        Why there is no new file.
    digest : bytes
        Of the new file, where only that was asked for (:func:`peek`).
    """

    name: str
    now: Names
    before: Names
    sop_class: str = ""
    account: tuple[int, int] = (0, 0)
    decisions: tuple[Decided, ...] = ()
    codes: tuple[str, ...] = ()
    unclaimed: tuple[tuple[str, str], ...] = ()
    risks: tuple[Caution, ...] = ()
    blanked: tuple[str, ...] = ()
    faults: tuple[Shortcoming, ...] = ()
    refused: Other | None = None
    skipped: Other | None = None
    digest: bytes = b""


class BatchResult(NamedTuple):
    """What a worker gives back.

    Parameters
    ----------
    treated : list of Treated
    links : Links, optional
        What the check saw of UIDs and dates: only all batches together show whether they agree.
    kept : Counter of Kept
        Free texts, where somebody wants to look at them.
    """

    treated: list[Treated]
    links: Links | None
    kept: Counter[Kept]


@dataclass(frozen=True)
class Bench:
    """What a worker works with.

    Parameters
    ----------
    settled : Settled
    survey : Survey
    staging : Path, optional
        Where new files lie until their series is published; None where nothing is written.
    peeks : bool
        Whether only names are wanted.
    """

    settled: Settled
    survey: Survey
    staging: Path | None
    peeks: bool = False

    def __call__(self) -> None:
        """Set up the worker that calls it."""
        _worker.begin(self)


@dataclass
class _Worker:
    """What a process remembers from batch to batch."""

    bench: Bench | None = None
    deidentifier: Deidentifier | None = None
    checker: DeidChecker | None = None
    kept: Counter[Kept] = field(default_factory=Counter)
    sent: dict[int, tuple[Decided, ...]] = field(default_factory=dict)

    def begin(self, bench: Bench) -> None:
        self.bench, self.sent = bench, {}
        profile = bench.settled.profile
        self.deidentifier = Deidentifier(profile, bench.settled.run)
        self.checker = DeidChecker(profile, bench.survey.identifiers) if bench.settled.wanted.verify else None

    def reviewed(self) -> Counter[Kept]:
        """Return the free texts since it was asked last."""
        kept, self.kept = self.kept, Counter()
        return kept

    def linked(self) -> Links | None:
        """Return what the check saw since it was asked last."""
        if self.checker is None:
            return None
        links, self.checker.links = self.checker.links, Links()
        return links


_worker = _Worker()


class _Skip(Exception):  # noqa: N818 - says what becomes of an object
    """An object is left out, as was asked for."""


def batches(survey: Survey) -> Iterator[Batch]:
    """Cut a set into what workers take: series after series."""
    average = max(1, survey.size // survey.count)
    step = max(1, min(_TOGETHER, _TOGETHER_BYTES // average))
    for number, series in enumerate(survey.series):
        count = len(series.members)
        for first in range(0, count, step):
            yield Batch(number, first, min(first + step, count), first + step >= count)


def treat(batch: Batch) -> BatchResult:
    """Treat the objects of a batch, in the worker that :class:`Bench` has set up.

    Raises
    ------
    OutputError
        If the file system refuses; whatever is wrong with one object is said of it and stops nothing.
    """
    bench = _worker.bench
    assert bench is not None, "a worker is set up before its first batch"
    members = bench.survey.series[batch.series].members[batch.first : batch.end]
    folder = None if bench.staging is None else bench.staging / str(batch.series)
    if folder is not None:
        folder.mkdir(exist_ok=True)
    treated = [_treated(member, batch.first + k, folder, bench) for k, member in enumerate(members, 1)]
    return BatchResult(treated, _worker.linked(), _worker.reviewed())


def peek(member: Member, number: int) -> Treated:
    """Return what an object would become, in the worker that is set up; nothing is written or searched."""
    bench = _worker.bench
    assert bench is not None, "a worker is set up before it is asked"
    return _treated(member, number, None, replace(bench, peeks=True))


def _treated(member: Member, number: int, folder: Path | None, bench: Bench) -> Treated:
    nobody = Names("", "", "", "")
    try:
        return _made(member, number, folder, bench)
    except OutputError:
        raise
    except _Skip as skipped:
        return Treated("", nobody, nobody, skipped=Other(member.name, str(skipped)))
    except DeriveError as error:
        return Treated("", nobody, nobody, refused=Other(member.name, error.message, error.code))
    except Exception as error:  # whatever is wrong with one object is no matter of the others
        text = f"{member.name} cannot be de-identified ({type(error).__name__}); take it out, and tell the authors"
        return Treated("", nobody, nobody, refused=Other(member.name, text, "DEID-FAILED"))


def _made(member: Member, number: int, folder: Path | None, bench: Bench) -> Treated:
    """Make the new object, and look at what was made."""
    assert _worker.deidentifier is not None
    stored, original = _read(member)
    _refuse_document(stored, bench.settled.wanted.encapsulated)
    cleaned = clean_pixels(stored, bench.settled.pixels)
    if cleaned.skipped:
        raise _Skip("it may have text burned in")
    done = _worker.deidentifier.file(stored, cleaned)
    output = _bytes_of(done)
    now, before = Names.of(Instance(stored.name, done.elements, strict=False)), Names.of(stored.instance)
    name = file_name(number)
    if bench.peeks:
        return Treated(name, now, before, digest=digest_of(output))
    if folder is not None:
        _write(folder / name, output)
    if bench.settled.wanted.review:
        replaced = {d.path for d in done.decisions if d.action == "D"}
        _worker.kept.update(kept_texts(stored_file(name, _opener(output)), replaced))
    faults = _faults(original, output, name, vouched=cleaned.vouched) if bench.settled.wanted.verify else ()
    account, new = _account(done.decisions)
    codes = tuple(code for code, *_ in done.claims.codes)
    cautions = (*(Caution(risk.name, risk.meaning) for risk in cleaned.risks), *done.cautions)
    blanked = tuple(dict.fromkeys(blank.method for blank in cleaned.blanks)) if cleaned.changed else ()
    made = Treated(name, now, before, stored.sop_class_uid, account, new)
    return made._replace(codes=codes, unclaimed=done.claims.withheld, risks=cautions, blanked=blanked, faults=faults)


def _read(member: Member) -> tuple[StoredFile, bytes]:
    if not isinstance(member.origin, Origin):
        return stored_dataset(member.origin, member.name), b""
    with member.origin.open() as stream:
        data = stream.read()
    return stored_file(member.name, _opener(data)), data


def _opener(data: bytes) -> Callable[[], IO[bytes]]:
    return lambda: io.BytesIO(data)


def digest_of(data: bytes) -> bytes:
    """Return what a file is compared by."""
    return hashlib.blake2b(data, digest_size=16).digest()


def _refuse_document(stored: StoredFile, choice: str) -> None:
    if _DOCUMENT not in stored.head.elements or choice == "keep":
        return
    text = "holds a document of another format, which nobody can clean"
    if choice == "skip":
        raise _Skip(text)
    skip, keep = flag("encapsulated", "skip"), flag("encapsulated", "keep")
    how = f"{skip} leaves it out, and {keep} takes it as it is, if you have looked into it"
    raise SourceError("DEID-DOCUMENT", f"{stored.name} {text}; {how}")


def _bytes_of(done: Deidentified) -> bytes:
    return b"".join(chunk for part in done.parts for chunk in (part.chunks() if isinstance(part, Passage) else (part,)))


def _write(path: Path, output: bytes) -> None:
    """Write a file and read it back.

    Raises
    ------
    OutputError
        ``OUT-WRITE``, ``OUT-REREAD``.
    """
    if not write_instance(path, [output]):
        raise OutputError("OUT-REREAD", f"{path.name} does not hold what was made; the disk cannot be trusted")


def _faults(original: bytes, output: bytes, name: str, *, vouched: bool) -> tuple[Shortcoming, ...]:
    """Look at a written object with other eyes than those that made it."""
    assert _worker.checker is not None, "a worker is set up before its first batch"
    checker = _worker.checker
    found = checker.pair(original, output, name, vouched=vouched) if original else checker.alone(output, name)
    return tuple(dict.fromkeys(Shortcoming(v.code, v.path) for v in found if v.severity == "error"))


def _account(decisions: tuple[Decided, ...]) -> tuple[tuple[int, int], tuple[Decided, ...]]:
    """Return what an account is called in this process, and the account itself the first time."""
    number = id(decisions)  # the engine gives the same tuple for the same decisions, and it is kept here
    is_new = number not in _worker.sent
    _worker.sent[number] = decisions
    return (os.getpid(), number), decisions if is_new else ()
