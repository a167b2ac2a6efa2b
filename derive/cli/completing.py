"""``derive completion``: what makes a shell complete commands and flags."""

from __future__ import annotations

import argparse
import sys

from derive.cli.commands import parser_of_all
from derive.cli.shared import common_flags


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument("shell", metavar="SHELL", help="bash, zsh or tcsh", choices=["bash", "zsh", "tcsh"])
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the script of a shell, which knows the flags of every command."""
    import shtab

    parser, commands = parser_of_all()
    for command in commands.values():
        command.fill()
    sys.stdout.write(shtab.complete(parser, shell=arguments.shell) + "\n")
    return 0
