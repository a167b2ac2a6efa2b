"""The commands: one line of each for the list of all, and parsers that are filled when their command is meant.

The list needs names and one line each. They are read and not imported: those of operations from the text of their
files, those of the other commands from ``commands.tsv``. So help waits for nothing that a command needs.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, NoReturn

from derive.cli.ordering import END, NUMBER, LineError, arranged
from derive.cli.pages import EXIT_CODES, GENERAL, filled, group_of, no_command, page_of, refusal, usage_of
from derive.version import VERSION

#: The group of the operations; the other commands have theirs in ``commands.tsv``.
MAKE = "make"
USAGE = 2
HELP = ("-h", "--help")


class Command(NamedTuple):
    """A command, as the list of all has it.

    Parameters
    ----------
    command : str
    group : str
        What it is for, in the list of all.
    module : str
        In :mod:`derive.cli`; its ``flags(parser, command)`` adds the flags and names what runs the command.
    help : str
        One line.
    example : str
        A line that the command understands; of an operation it follows from the declaration.
    """

    command: str
    group: str
    module: str
    help: str
    example: str


class CommandParser(argparse.ArgumentParser):
    """A parser that gets its flags when it is asked for them, and imports only then what they need."""

    def __init__(self, *, about: Command, **settings: Any) -> None:
        shape = argparse.RawDescriptionHelpFormatter
        super().__init__(**settings, formatter_class=shape, allow_abbrev=False, add_help=False)
        self.about, self._filled = about, False
        self._negative_number_matcher = NUMBER  # -1e3 is a number too

    def parse_known_args(  # type: ignore[override]  # of its overloads none is changed
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, with all flags, wherever they stand."""
        words = list(args or ())
        self.fill()
        if any(word in HELP for word in words[: words.index(END) if END in words else None]):
            self.print_help()
            self.exit()
        try:
            ordered = arranged(self, words)
        except LineError as error:
            self.error(str(error))
        return super().parse_known_args(ordered, namespace)

    def fill(self) -> None:
        """Add flags, description, example and exit codes, once."""
        if self._filled:
            return
        self._filled, self.description, self.epilog = True, self.about.help, self.about.example
        import_module(f"derive.cli.{self.about.module}").flags(self, self.about.command)
        group_of(self, GENERAL).add_argument("-h", "--help", action="help", help="explain this command")
        self.description = filled(self.description)
        self.usage = usage_of(self)
        self.epilog = f"example:\n  {self.epilog}\n\n" + filled(EXIT_CODES)

    def format_help(self) -> str:
        """Explain the command; what it is given stands under our words."""
        return super().format_help().replace("\npositional arguments:\n", "\nwhat is given:\n", 1)

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong, how it is written, and where all of it is explained; exit code 2."""
        self.exit(USAGE, refusal(self, message))


class WholeParser(argparse.ArgumentParser):
    """The parser of the whole command line: it finds the command, wherever that stands among flags."""

    def __init__(self) -> None:
        super().__init__(prog="derive", allow_abbrev=False, add_help=False)
        self.add_argument("-h", "--help", action="store_true", help="list the commands")
        self.add_argument("--version", action="store_true", help="print the version")
        self.known = tuple(commands())
        places = self.add_subparsers(metavar="COMMAND", parser_class=CommandParser)
        self.parsers = {c.command: places.add_parser(c.command, help=c.help, about=c) for c in self.known}

    def parse_args(  # type: ignore[override]  # of its overloads none is changed
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse a line: the command, then everything else by the command's own parser."""
        words = list(sys.argv[1:] if args is None else args)
        if not words:
            self.exit(USAGE, self.format_help())
        if words == ["--version"]:
            self.exit(0, out=f"derive {VERSION}\n")
        at = next((k for k, word in enumerate(words) if word in self.parsers), None)
        if at is None or (at and not words[0].startswith("-")):
            self._without_command(words)
        command, rest = words[at], [*words[:at], *words[at + 1 :]]
        return self.parsers[command].parse_args(rest, namespace)

    def _without_command(self, words: Sequence[str]) -> NoReturn:
        if set(words) & set(HELP):
            self.exit(0, out=self.format_help())
        self.error(no_command(words, self.parsers))

    def format_help(self) -> str:
        """List the commands by what they are for, with where to start."""
        return page_of(self.known)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where the commands are listed; exit code 2."""
        self.exit(USAGE, f"derive: {message}\nderive --help lists the commands\n")

    def exit(self, status: int = 0, message: str | None = None, *, out: str = "") -> NoReturn:
        """End, with a message on standard error or what was asked for on standard output."""
        sys.stdout.write(out)
        super().exit(status, message)


def parser_of_all() -> tuple[WholeParser, dict[str, CommandParser]]:
    """Return the parser of the command line, and that of each command, which is empty yet."""
    parser = WholeParser()
    return parser, parser.parsers


def commands() -> Iterator[Command]:
    """Give every command: operations by name, then the others."""
    package = find_spec("derive.operations")
    folders = package.submodule_search_locations or () if package else ()
    files = [os.path.join(folder, name) for folder in folders for name in os.listdir(folder) if name.endswith(".py")]
    operations = [*_imported(), *(command for path in files for command in _declared_in(path))]
    yield from sorted({operation.command: operation for operation in operations}.values())
    for row in _rows("commands.tsv"):
        yield Command(*row)


def _imported() -> Iterator[Command]:
    """Give the operations that are imported already: those of other packages are found so."""
    declaration = sys.modules.get("derive.operations.declaration")
    for name, kind in declaration.REGISTRY.items() if declaration else ():
        yield _command(name, kind.__doc__)


def _declared_in(path: str) -> Iterator[Command]:
    """Give the functions of a file that ``@operation(...)`` or ``@operation_along(...)`` declares."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if "@operation" not in text:
        return
    for function in (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)):
        if any(_is_declaration(d) for d in function.decorator_list):
            yield _command(function.name, ast.get_docstring(function))


def _command(name: str, docstring: str | None) -> Command:
    return Command(name.replace("_", "-"), MAKE, "operating", (docstring or "").partition("\n")[0], "")


def _is_declaration(decorator: ast.expr) -> bool:
    name = decorator.func if isinstance(decorator, ast.Call) else None
    return isinstance(name, ast.Name) and name.id in ("operation", "operation_along")


def _rows(name: str) -> list[list[str]]:
    """Rows of a table, in the order of its columns."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file][1:]
