"""``derive check``: files against the tables of the standard, and as a series."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import derive
from derive.cli.inspecting import NOTHING
from derive.cli.pages import say
from derive.cli.shared import common_flags, input_of, print_json, reading_flags
from derive.told.wording import counted

if TYPE_CHECKING:
    from derive.checking import CheckReport


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument("source", nargs="+", metavar="SOURCE", help="folders or files")
    parser.add_argument(
        "--fail-on", choices=["error", "warning"], default="error", help="what makes the exit code 1 (default error)"
    )
    parser.add_argument(
        "--strict", action="store_true", help="hold every file to what a derived one is held to: more is an error"
    )
    parser.add_argument("--all", action="store_true", help="print every finding, not one line a rule")
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check files; exit code 1 if there are errors, 3 if there is no DICOM file."""
    from derive.checking.finding import grouped

    report = derive.check(input_of(arguments.source), strict=arguments.strict)
    if arguments.json:
        print_json(report.to_json() | {"groups": [g.to_json() for g in grouped(report.findings)]})
    elif not arguments.quiet:
        _print_findings(report, each=arguments.all)
    if not report.files:
        return NOTHING
    failed = not report.ok() or (arguments.fail_on == "warning" and bool(report.findings))
    return 1 if failed else 0


def _print_findings(report: CheckReport, *, each: bool) -> None:
    from derive.checking.finding import folded, grouped

    lines = folded(report.findings) if each else grouped(report.findings)
    for line in lines:
        say(str(line))
    errors = sum(f.severity == "error" for f in report.findings)
    say(
        f"{counted(report.files, 'file')} in {report.series} series: {counted(errors, 'error')}, "
        f"{counted(len(report.findings) - errors, 'warning')}"
    )
