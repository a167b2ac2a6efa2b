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
from textwrap import wrap
from typing import Any, NamedTuple

from derive.version import VERSION

EXIT_CODES = (
    "exit codes: 0 ok, 1 findings, 2 usage, 3 no usable input, 4 geometry, 5 values, 6 output, 7 archive refused, "
    "8 partly stored, 70 a fault of derive, 130 interrupted, 141 nobody reads what is printed"
)
HELP_WIDTH = 100


class Command(NamedTuple):
    """A command, as the list of all has it.

    Parameters
    ----------
    command : str
    module : str
        In :mod:`derive.cli`; its ``flags(parser, command)`` adds the flags and names what runs the command.
    help : str
        One line.
    example : str
        A line that the command understands; of an operation it follows from the declaration.
    """

    command: str
    module: str
    help: str
    example: str


class CommandParser(argparse.ArgumentParser):
    """A parser that gets its flags when it is asked for them, and imports only then what they need."""

    def __init__(self, *, about: Command, **settings: Any) -> None:
        super().__init__(**settings, formatter_class=argparse.RawDescriptionHelpFormatter)
        self.about, self._filled = about, False

    def parse_known_args(  # type: ignore[override]  # of its overloads none is changed
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse, with all flags."""
        self.fill()
        return super().parse_known_args(args, namespace)

    def fill(self) -> None:
        """Add flags, description, example and exit codes, once."""
        if self._filled:
            return
        self._filled, self.description, self.epilog = True, self.about.help, self.about.example
        import_module(f"derive.cli.{self.about.module}").flags(self, self.about.command)
        self.description = "\n".join(wrap(self.description, HELP_WIDTH))
        self.epilog = f"example:\n  {self.epilog}\n\n" + "\n".join(wrap(EXIT_CODES, HELP_WIDTH))


def parser_of_all() -> tuple[argparse.ArgumentParser, dict[str, CommandParser]]:
    """Return the parser of the command line, and that of each command, which is empty yet."""
    parser = argparse.ArgumentParser(
        prog="derive",
        description="Author derived CT, MR and PET series that go back to the archive.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--version", action="version", version=f"derive {VERSION}")
    places = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=CommandParser)
    return parser, {c.command: places.add_parser(c.command, help=c.help, about=c) for c in commands()}


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
    """Give the functions of a file that ``@operation(...)`` declares."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if "@operation(" not in text:
        return
    for function in (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)):
        if any(_is_declaration(d) for d in function.decorator_list):
            yield _command(function.name, ast.get_docstring(function))


def _command(name: str, docstring: str | None) -> Command:
    return Command(name.replace("_", "-"), "operating", (docstring or "").partition("\n")[0], "")


def _is_declaration(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "operation"


def _rows(name: str) -> list[list[str]]:
    """Rows of a table, in the order of its columns."""
    with open(os.path.join(os.path.dirname(__file__), name), encoding="utf-8") as file:
        return [line.rstrip("\n").split("\t") for line in file][1:]
