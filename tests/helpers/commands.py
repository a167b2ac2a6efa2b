"""The command line, called as a program calls a function."""

from __future__ import annotations

from derive.cli.commands import parser_of_all
from derive.told.wording import Language, speaking


def run(*words: object) -> int:
    """Run a command, its errors as exceptions."""
    parser, _ = parser_of_all()
    arguments = parser.parse_args([str(w) for w in words])
    with speaking(Language.COMMAND_LINE):
        return int(arguments.run(arguments))
