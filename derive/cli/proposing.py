"""``derive deid-tokens``: words that may stay in the texts of a set."""

from __future__ import annotations

import argparse

import derive
from derive.cli.pages import say
from derive.cli.shared import common_flags, existing, input_of, print_json, reading_flags


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument("source", nargs="+", metavar="SOURCE", help="folders, zip archives or files")
    parser.add_argument(
        "--all", action="store_true", help="list also, as comments, words of a single patient, which may be names"
    )
    reading_flags(parser)
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Propose; exit code 0 whatever is found."""
    found = derive.deid_tokens(input_of(existing(arguments.source)), show_all=arguments.all)
    if arguments.json:
        print_json(found.to_json())
    elif not arguments.quiet:
        say(str(found))
    return 0
