"""What help and refusals of the command line look like: the list of commands, a line of usage, what was mistyped."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import Protocol, TextIO

from derive.cli.ordering import END, spelled, wanted
from derive.told.wording import did_you_mean

EXIT_CODES = (
    "exit codes: 0 ok, 1 findings, 2 usage, 3 no usable input, 4 geometry, 5 values, 6 output, 7 archive refused, "
    "8 partly stored, 9 not known, 70 a fault of derive, 130 interrupted, 141 nobody reads what is printed"
)
#: Lines are no longer than the terminal is wide, nor than people like to read.
WIDEST = 100
#: Titles of flags that many commands have.
SOURCE, RESULT, GENERAL = "source", "result", "general"
_HEAD = "Make new series of images of old ones, and write them back: valid, in the same study, saying what was done."
_START = (
    ("derive demo out/", "a phantom and three series derived from it; no data of yours is needed"),
    ("derive inspect FOLDER", "what is in a folder, and what each command would say to it"),
    ("derive help COMMAND", "what a command does, its flags, an example"),
)
_EXAMPLE = "derive resample ct/ -o out/ --spacing-mm 1"


class Listed(Protocol):
    """A command, as far as a list of commands shows it."""

    @property
    def command(self) -> str:
        """Its name."""

    @property
    def group(self) -> str:
        """What it is for."""

    @property
    def help(self) -> str:
        """One line."""


def group_of(parser: argparse.ArgumentParser, title: str) -> argparse._ArgumentGroup:
    """Return the flags of a parser that stand under a title, to be added to."""
    known = {group.title: group for group in parser._action_groups}
    return known.get(title) or parser.add_argument_group(title)


def width() -> int:
    """How many characters a line of help has."""
    return max(40, min(shutil.get_terminal_size().columns - 1, WIDEST))


def filled(text: str, margin: str = "") -> str:
    """Break a text into lines that fit, the second and later ones behind a margin."""
    return fill(text, width(), subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)


def say(text: str, *, stream: TextIO | None = None) -> None:
    """Print a text on standard output or another stream: on a terminal in lines that fit it, else as it is."""
    stream = stream or sys.stdout
    stream.write(f"{fitted(text) if stream.isatty() else text}\n")


def fitted(text: str) -> str:
    """Break the lines of a text that are longer than the terminal is wide, behind the margin that they have."""
    columns = max(40, shutil.get_terminal_size().columns)
    return "\n".join(_broken(line, columns) if len(line) > columns else line for line in text.split("\n"))


def _broken(line: str, columns: int) -> str:
    margin = " " * min(len(line) - len(line.lstrip()) + 2, columns // 2)
    return fill(line, columns, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False)


def page_of(commands: Iterable[Listed]) -> str:
    """Return the list of commands, by what they are for, with where to start."""
    known = list(commands)
    column = max(len(c.command) for c in known) + 4
    parts = [filled(_HEAD), "usage: derive COMMAND SOURCE... [flags]", "start here\n" + _columns(_START, 26)]
    for group, members in groupby(known, key=lambda c: c.group):
        parts.append(f"{group}\n" + _columns([(c.command, c.help.rstrip(".")) for c in members], column))
    flags = "Flags stand anywhere on the line and are written in full; -- ends them. Every command has --json."
    parts += [f"example\n  {_EXAMPLE}", filled(flags), filled(EXIT_CODES)]
    return "\n\n".join(parts) + "\n"


def usage_of(parser: argparse.ArgumentParser) -> str:
    """Return how a command is written: its sources, what is needed, and that there are flags."""
    words = [parser.prog]
    for action in parser._actions:
        if not action.option_strings:
            name = spelled(action)
            words.append({"+": f"{name}...", "?": f"[{name}]", "*": f"[{name}...]"}.get(str(action.nargs), name))
    needed = [a for a in parser._actions if a.option_strings and a.required]
    words += [f"{min(a.option_strings, key=len)} {wanted(a)}" for a in needed]
    return " ".join([*words, "[flags]"]).replace("%", "%%")


def refusal(parser: argparse.ArgumentParser, message: str) -> str:
    """Return what is told of a line that cannot be understood."""
    example = str(parser.epilog).partition("\n")[2].partition("\n")[0].strip()
    return (
        f"{filled(f'{parser.prog}: {_plain(message)}', '  ')}\n"
        f"usage:   {parser.format_usage().removeprefix('usage: ').strip()}\n"
        f"example: {example}\n"
        f"{parser.prog.replace(' ', ' help ', 1)} explains the flags\n"
    )


def no_command(words: Sequence[str], known: Mapping[str, object]) -> str:
    """Return what is told of a line that has no command."""
    word = next((w for w in words if not w.startswith("-")), "")
    if not word:
        return f"{words[0]} needs a command before or behind it"
    if Path(word).exists():
        return f"{word} is there, and what is to be done with it? Try: derive inspect {word}"
    return f"{word!r} is no command{did_you_mean(word, known)}"


def _columns(rows: Iterable[tuple[str, str]], column: int) -> str:
    margin = " " * column
    return "\n".join(filled(f"  {name:<{column - 2}}{text}", margin) for name, text in rows)


def _plain(message: str) -> str:
    """Word in our way what argparse says of a value."""
    message = re.sub(r"^argument (?:-\w/)?([^:]+): invalid (?:int|float) value: (.*)$", r"\1: \2 is no number", message)
    message = re.sub(r"^argument (?:-\w/)?([^:]+): ", r"\1: ", message)
    return message.replace(f"{END} ", "")
