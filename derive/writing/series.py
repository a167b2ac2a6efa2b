"""A series into a folder: each instance is written while it is checked, and all of them are right in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from derive.authoring.order import AuthoredInstance
from derive.checking import Finding, SeriesChecker
from derive.errors import InvalidInstance
from derive.writing.filing import Writer
from derive.writing.part10 import name_of


def write_instances(
    made: Iterator[AuthoredInstance], writer: Writer, checker: SeriesChecker, told: Callable[[int], None]
) -> list[Finding]:
    """Write the instances of one series, and return what the check says of them.

    Parameters
    ----------
    made : iterator of AuthoredInstance
    writer : Writer
    checker : SeriesChecker
    told : callable (done)
        Told how many are written.

    Raises
    ------
    OutputError
        If the file system refuses, or a file does not hold what was computed.
    InvalidInstance
        If the check finds errors.
    """
    findings: list[Finding] = []
    with writer:
        for one in made:
            name = name_of(one.frame.number, one.elements)
            stored = None if one.frame.frames else one.frame.encoded.stored
            writer.add(one, name)  # it is being written while it is checked
            findings += checker.add(one.elements, stored, name, pixels=one.pixels)
            told(len(writer.written))
        findings += checker.finish()
        if any(f.severity == "error" for f in findings):
            raise InvalidInstance(findings)
        writer.finish()
    return findings


def folders_of(folder: Path, count: int) -> list[Path]:
    """Return where each of several series goes below a folder; of one the folder itself."""
    digits = max(2, len(str(count)))
    return [folder] if count == 1 else [folder / f"volume-{k:0{digits}d}" for k in range(1, count + 1)]
