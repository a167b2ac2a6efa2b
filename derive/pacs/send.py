"""Send: instances to an archive, with the word of the archive for each, and asked again afterwards if wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydicom.dataset import Dataset

from derive.errors import NetworkError, NotKnown, PartlyStored, UsageError
from derive.pacs.address import Address
from derive.pacs.archive import Archive, archive_at
from derive.pacs.config import Config, Destination
from derive.pacs.folder import result_of
from derive.pacs.outcome import SCHEMA, Category, Commitment, Holdings, Result, Told, by_uid
from derive.pacs.sendable import Sendable, sendables_of
from derive.pacs.verify import held, holdings_of
from derive.told.progress import counting
from derive.told.wording import counted
from derive.version import MODEL, VERSION

Sent: TypeAlias = str | Path | Iterable[str | Path] | Iterable[Dataset]
Verify: TypeAlias = Literal["no", "instances", "pixels"]


@dataclass(frozen=True)
class SendOptions:
    """How to send.

    Parameters
    ----------
    verify : {"no", "instances", "pixels"}
        Ask the archive afterwards which instances it has; with ``pixels`` fetch them too and compare.
    commit : bool
        Ask it to commit itself to keep them (DIMSE).
    resume : bool
        Ask it first, and send only what it does not have.
    dry_run : bool
        Send nothing.
    parallel : int, optional
        Associations side by side; what the configuration says without it.
    listen : int, optional
        Port of ours for the answer to a commitment; what the configuration says without it.
    attempts : int
        How often an instance is tried that was refused for a passing reason.
    wait_s : float
        How long to wait for the answer to a commitment.
    """

    verify: Verify = "no"
    commit: bool = False
    resume: bool = False
    dry_run: bool = False
    parallel: int | None = None
    listen: int | None = None
    attempts: int = 3
    wait_s: float = 30.0

    def __post_init__(self) -> None:
        if self.verify not in ("no", "instances", "pixels"):
            raise UsageError("NET-VERIFY", f"verify {self.verify!r}; wanted no, instances or pixels")
        if (self.parallel is not None and self.parallel < 1) or self.attempts < 1:
            raise UsageError("NET-PARALLEL", "parallel associations and attempts are at least 1")


@dataclass(frozen=True)
class SendReport:
    """What became of everything that was sent.

    Parameters
    ----------
    archive : Archive
    options : SendOptions
    sendables : tuple of Sendable
    results : tuple of Result
        One for each, in the same order.
    verification : Holdings, optional
    commitment : Commitment, optional
    kept : object, optional
        What holds the files as long as they may be sent again.
    """

    archive: Archive = field(repr=False)
    options: SendOptions
    sendables: tuple[Sendable, ...] = field(repr=False)
    results: tuple[Result, ...] = field(repr=False)
    verification: Holdings | None = None
    commitment: Commitment | None = None
    kept: object = field(default=None, repr=False)

    @property
    def destination(self) -> Destination:
        """Where it was sent."""
        return self.archive.destination

    @property
    def stored(self) -> tuple[Result, ...]:
        """What the archive says it stored."""
        return tuple(r for r in self.results if r.category.stored)

    @property
    def failed(self) -> tuple[Result, ...]:
        """What it did not store, or did not say so of."""
        return tuple(r for r in self.results if not r.category.stored)

    @property
    def ok(self) -> bool:
        """Whether everything is stored, and found again and committed to where that was asked."""
        verified = self.verification is None or self.verification.ok
        return not self.failed and verified and (self.commitment is None or self._all_committed(self.commitment))

    def _all_committed(self, said: Commitment) -> bool:
        """Whether the report names every instance that is stored as one that is kept; silence about one is no word."""
        return said.answered and not said.failed and {r.sop_instance_uid for r in self.stored} <= {*said.committed}

    @property
    def exit_code(self) -> int:
        """0; 7 if nothing was stored; 8 if not everything was, is there, or is committed to; 9 if that is not known."""
        if self.ok or self.options.dry_run:
            return 0
        if not self.stored:
            return NetworkError.exit_code
        verified, committed = self.verification, self.commitment
        lacking = verified is not None and (verified.missing or verified.different)
        unkept = committed is not None and committed.failed
        return PartlyStored.exit_code if self.failed or lacking or unkept else NotKnown.exit_code

    def retry(self) -> SendReport:
        """Send what failed once more.

        Returns
        -------
        SendReport
            Of everything: the results that stood, and the new ones.
        """
        wanted = {r.sop_instance_uid for r in self.failed}
        again = send_all([p for p in self.sendables if p.sop_instance_uid in wanted], self.archive, self.options)
        return _asked(replace(self, results=_merged(self.sendables, (*self.results, *again))))

    def __str__(self) -> str:
        """Return a line for people."""
        counts = f"{len(self.stored)} of {counted(len(self.results), 'instance')} stored at {self.destination.address}"
        if self.options.dry_run:
            counts = f"{counted(len(self.results), 'instance')} would be sent to {self.destination.address}"
        parts = [counts, *self._asked_words()]
        reasons = dict.fromkeys(f"{r.category.value}: {r.comment or 'no comment'}" for r in self.failed)
        if reasons and not self.options.dry_run:
            parts.append("; ".join(list(reasons)[:3]))
        return ", ".join(parts)

    def _asked_words(self) -> list[str]:
        words = []
        if self.verification is not None:
            words.append(_verified_words(self.verification))
        if self.commitment is not None:
            c = self.commitment
            words.append(f"{len(c.committed)} committed" if c.answered else c.why or "no answer about commitment")
        return words

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "schema": SCHEMA,
            "software": {"name": MODEL, "version": VERSION},
            "destination": str(self.destination.address),
            "ok": self.ok,
            "stored": len(self.stored),
            "failed": len(self.failed),
            "instances": [r.to_json() for r in self.results],
            "verification": None if self.verification is None else self.verification.to_json(),
            "commitment": None if self.commitment is None else vars(self.commitment),
        }


def _verified_words(found: Holdings) -> str:
    if found.ok:
        return f"all found again ({found.asked})"
    counts = {"missing": len(found.missing), "different": len(found.different), "not known": len(found.unknown)}
    words = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    reasons = "; ".join(list(dict.fromkeys(found.unknown.values()))[:2])
    return f"{words} ({found.asked}{': ' if reasons else ''}{reasons})"


def send(
    source: Sent,
    target: str | Address | Destination | Archive,
    *,
    told: Told | None = None,
    config: Config | None = None,
    **options: Any,
) -> SendReport:
    """Send instances to an archive.

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        Folders, files, or data sets with File Meta Information.
    target : str, Address, Destination or Archive
        A name of ``derive.toml``, ``AET@host:port``, the root of a DICOMweb service, or a folder.
    told : callable (Result), optional
        Told of every instance as soon as its result is final.
    config : Config, optional
        Without it what :func:`derive.pacs.config.load` finds.
    **options
        As in :class:`SendOptions`; ``verify=True`` is ``"instances"``.

    Raises
    ------
    NetworkError
        If nothing can be sent at all.
    UsageError, SourceError
        For a target that is none, and for what cannot be read.
    """
    if isinstance(options.get("verify"), bool):
        options["verify"] = "instances" if options["verify"] else "no"
    try:
        chosen = SendOptions(**options)
    except TypeError as error:
        raise UsageError("OPT-UNKNOWN", f"{error}") from None
    how: dict[str, Any] = {"listen": chosen.listen, "parallel": chosen.parallel, "attempts": chosen.attempts}
    archive = archive_at(target, config, **how)
    sendables = _sendables(source)
    if chosen.commit:
        archive.commit([], wait_s=0.0)  # what has no such service is refused before anything is sent
    results = send_all(sendables, archive, chosen, told)
    return _asked(SendReport(archive, chosen, tuple(sendables), _merged(sendables, results)))


def send_all(
    sendables: Sequence[Sendable], archive: Archive, options: SendOptions, told: Told | None = None
) -> list[Result]:
    """Send, and give the result of each; what is there already is not sent again where that was asked."""
    there = held(archive, sendables) if options.resume and not options.dry_run else frozenset()
    results = [result_of(p, Category.STORED, "it was there already") for p in sendables if p.sop_instance_uid in there]
    rest = [p for p in sendables if p.sop_instance_uid not in there]
    for result in results:
        _tell(told, result)
    sent = _would_be(rest) if options.dry_run else archive.store(rest) if rest else ()
    for result in counting("sending", sent, len(rest)):
        results.append(result)
        _tell(told, result)
    return results


def _would_be(sendables: Sequence[Sendable]) -> Iterator[Result]:
    for sendable in sendables:
        yield result_of(sendable, Category.UNSENT, "dry run: nothing was sent")


def _tell(told: Callable[[Result], None] | None, result: Result) -> None:
    if told is not None:
        told(result)


def _sendables(source: Sent) -> list[Sendable]:
    items = [source] if isinstance(source, str | Path | Dataset) else list(source)
    sendables = [
        sendable
        for item in items
        for sendable in ([Sendable.of_dataset(item)] if isinstance(item, Dataset) else sendables_of([Path(item)]))
    ]
    if not sendables:
        raise UsageError("NET-NOTHING", "there is no DICOM instance to send")
    if len({p.sop_instance_uid for p in sendables}) != len(sendables):
        raise UsageError("NET-TWICE", "two of the instances have one SOP Instance UID; send each once")
    return sendables


def _merged(sendables: Sequence[Sendable], results: Iterable[Result]) -> tuple[Result, ...]:
    """One result for each instance, the last one; an instance that nothing was said of is not stored."""
    found = by_uid(results)
    lost = "nothing was heard of it"
    return tuple(found.get(p.sop_instance_uid) or result_of(p, Category.UNSENT, lost) for p in sendables)


def _asked(report: SendReport) -> SendReport:
    """Ask the archive afterwards, as far as that was wanted."""
    options, archive = report.options, report.archive
    if options.dry_run:
        return report
    if options.verify != "no":
        pixels = options.verify == "pixels"
        report = replace(report, verification=holdings_of(archive, report.sendables, pixels=pixels))
    if options.commit:
        stored = {r.sop_instance_uid for r in report.stored}
        sendables = [s for s in report.sendables if s.sop_instance_uid in stored]
        report = replace(report, commitment=_committed(archive, sendables, options.wait_s))
    return report


def _committed(archive: Archive, sendables: Sequence[Sendable], wait_s: float) -> Commitment:
    """Ask for commitment; what was sent is to be reported, whatever becomes of that."""
    try:
        return archive.commit(sendables, wait_s=wait_s)
    except NetworkError as error:
        return Commitment("", answered=False, why=error.message)
