"""``derive help``: the list of commands, or all of one command."""

from __future__ import annotations

import argparse
import sys

from derive.cli.commands import parser_of_all
from derive.cli.shared import common_flags, print_json
from derive.errors import UsageError
from derive.told.wording import did_you_mean

SCHEMA = "derive-help/1"


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument("command", nargs="?", metavar="COMMAND", help="one of those that derive --help lists")
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a page of help."""
    whole, parsers = parser_of_all()
    asked = arguments.command
    if asked is not None and asked not in parsers:
        raise UsageError("CLI-COMMAND", f"{asked!r} is no command{did_you_mean(asked, parsers)}")
    if arguments.json:
        shown = [c for c in whole.known if asked in (None, c.command)]
        print_json({"schema": SCHEMA, "commands": [c._asdict() for c in shown]})
        return 0
    if asked is not None:
        parsers[asked].fill()
    sys.stdout.write((parsers[asked] if asked else whole).format_help())
    return 0
