"""``derive deid-check``: what a de-identification left, whoever did it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import derive
from derive.cli.inspecting import NOTHING
from derive.cli.pages import say
from derive.cli.profiles import profile_flags, profile_meant
from derive.cli.shared import common_flags, existing, input_of, print_json, reading_flags
from derive.told.wording import counted

if TYPE_CHECKING:
    from derive.deidentification.check.violation import DeidCheckReport

#: So many files of a violation are named.
_FIRST_FILES = 3


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument(
        "source",
        nargs="+",
        metavar="FOLDER",
        help="the originals, and last the folder that was written; alone, it is checked by what it says itself",
    )
    profile_flags(parser)
    parser.add_argument("--vouched", action="store_true", help="a person answers for the pixels: 113101 may be claimed")
    parser.add_argument(
        "--fail-on", choices=["error", "warning"], default="error", help="what makes the exit code 1 (default error)"
    )
    parser.add_argument("--all", action="store_true", help="print every violation, not one line a kind and place")
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check; exit code 1 if there are errors, 3 if there is no DICOM file."""
    *originals, written = arguments.source
    profile = profile_meant(arguments)
    existing(arguments.source)
    before = input_of(originals) if originals else None
    report = derive.deid_check(before, written, profile, vouched=arguments.vouched)
    if arguments.json:
        print_json(report.to_json())
    elif not arguments.quiet:
        _print_violations(report, each=arguments.all)
    if not report.files:
        return NOTHING
    failed = not report.ok() or (arguments.fail_on == "warning" and bool(report.violations))
    return 1 if failed else 0


def _print_violations(report: DeidCheckReport, *, each: bool) -> None:
    if each:
        for found in report.violations:
            say(str(found))
    else:
        for line in _folded(report):
            say(line)
    errors = sum(v.severity == "error" for v in report.violations)
    say(
        f"{counted(report.files, 'file')}, {report.paired} of them beside their originals: "
        f"{counted(errors, 'error')}, {counted(len(report.violations) - errors, 'warning')}"
    )


def _folded(report: DeidCheckReport) -> list[str]:
    """Return a line for all violations that differ by their file only."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for one in report.violations:
        found.setdefault((one.severity, one.code, one.path, one.message), []).append(one.file)
    return [_line(*kind, names) for kind, names in found.items()]


def _line(severity: str, code: str, path: str, message: str, names: list[str]) -> str:
    files = [name for name in dict.fromkeys(names) if name]
    more = f" and {len(files) - _FIRST_FILES} more" if len(files) > _FIRST_FILES else ""
    where = f": {counted(len(files), 'file')}: {', '.join(files[:_FIRST_FILES])}{more}" if files else ""
    return f"{severity} {code}: {path + ': ' if path else ''}{message}{where}"
