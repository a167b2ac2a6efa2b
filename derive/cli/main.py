"""Parse, run, and turn errors into exit codes.

0 ok, 1 findings, 2 usage, 3 no usable input, 4 geometry, 5 values, 6 output, 7 archive refused, 8 partly stored,
130 interrupted.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import sys
from collections.abc import Sequence
from functools import partial
from importlib.resources import files
from textwrap import wrap

from derive.cli import commands, converting, explaining, inspecting, network, showing
from derive.cli.flags import add_flags, command_name, example, summary
from derive.cli.network import send_flags
from derive.cli.shared import EXIT_CODES, common_flags, output_flags, series_flags
from derive.errors import DeriveError
from derive.operations import REGISTRY, OperationKind
from derive.version import VERSION

INTERRUPTED = 130
HELP_WIDTH = 100
#: What others log and we say ourselves, or quote values in.
QUIETER = {"pydicom": logging.ERROR, "pynetdicom": logging.CRITICAL, "urllib3": logging.ERROR}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    parsed = _parser().parse_args(arguments)
    logging.basicConfig(
        level=logging.WARNING if not parsed.verbose else logging.DEBUG,
        format="%(levelname)s %(name)s: %(message)s",
    )
    logging.captureWarnings(True)
    for name, level in QUIETER.items():
        logging.getLogger(name).setLevel(level)
    try:
        return int(parsed.run(parsed))
    except DeriveError as error:
        _say(error, parsed.json)
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing was written\n")
        return INTERRUPTED


def _say(error: DeriveError, as_json: bool) -> None:
    if as_json:
        about = {
            "code": error.code,
            "message": error.message,
            "exit_code": error.exit_code,
            "facts": error.facts,
        }
        sys.stdout.write(json.dumps({"schema": "derive-error/1", "error": about}, default=str) + "\n")
    sys.stderr.write(f"derive: {error}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="derive",
        description="Author derived CT, MR and PET series that go back to the archive.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"derive {VERSION}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for kind in REGISTRY.values():
        _operation_parser(subparsers, kind)
    converting.add_parser(subparsers)
    network.add_parsers(subparsers)
    inspecting.add_parser(subparsers)
    explaining.add_parsers(subparsers)
    showing.add_parser(subparsers)
    check = subparsers.add_parser("check", help="Check DICOM files against the tables of the standard and as a series.")
    check.add_argument("source", nargs="+", help="folders or files")
    check.add_argument(
        "--fail-on", choices=["error", "warning"], default="error", help="what makes the exit code 1 (default error)"
    )
    check.add_argument("--all", action="store_true", help="print every finding, not one line a rule")
    check.set_defaults(run=commands.check)
    demo = subparsers.add_parser("demo", help="Derive from a phantom that the package makes itself.")
    demo.add_argument("output", help="folder to write; new or empty")
    demo.add_argument("--overwrite", action="store_true", help="replace the folders of an earlier demonstration")
    demo.set_defaults(run=commands.demo)
    completion = subparsers.add_parser("completion", help="Print what makes a shell complete commands and flags.")
    completion.add_argument("shell", choices=["bash", "zsh", "tcsh"])
    completion.set_defaults(run=partial(_completion, parser))
    for each in (check, demo, completion):
        common_flags(each)
    for name, command in subparsers.choices.items():
        _finish(name, command)
    return parser


def _finish(name: str, parser: argparse.ArgumentParser) -> None:
    """Give a help page its example and the exit codes, each on lines of their own."""
    parser.description = "\n".join(wrap(parser.description or "", HELP_WIDTH))
    parser.epilog = f"example:\n  {examples()[name]}\n\n" + "\n".join(wrap(EXIT_CODES, HELP_WIDTH))
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def examples() -> dict[str, str]:
    """Return an example of every command: of operations from their declarations, of others from ``examples.tsv``."""
    text = files("derive.cli").joinpath("examples.tsv").read_text(encoding="utf-8")
    lines = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    operations = {command_name(kind): example(kind) for kind in REGISTRY.values()}
    return operations | {line["command"]: line["example"] for line in lines}


def _completion(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> int:
    import shtab

    sys.stdout.write(shtab.complete(parser, shell=arguments.shell) + "\n")
    return 0


def _operation_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], kind: OperationKind[...]
) -> None:
    parser = subparsers.add_parser(
        command_name(kind), help=summary(kind.function), description=summary(kind.function), epilog=EXIT_CODES
    )
    parser.add_argument(
        "source",
        nargs="+",
        help="folder, zip archive, or files of one series; or PACS@host:port/SERIES_UID",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FOLDER", help="new or empty folder, or an archive")
    add_flags(parser.add_argument_group("operation"), kind)
    series_flags(parser.add_argument_group("series"))
    output_flags(parser)
    send_flags(parser.add_argument_group("archive, where -o is one"))
    common_flags(parser)
    parser.set_defaults(run=commands.derive, kind=kind)
