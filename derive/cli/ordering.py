"""Words of a command line in any order: each flag takes the values that are its own, and the rest are the sources.

*2026-11-30, flags anywhere.* argparse gives a flag of several values everything up to the next flag, so that
``derive resample --spacing-mm 2 ct/ -o out/`` has no source. Here a flag of numbers takes numbers, a flag with a
choice takes one of its choices, and every other one takes one value. What is given to argparse has the flags in front
and the sources at the end, so that the order in which a person types them never matters.
"""

from __future__ import annotations

import argparse
import difflib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from derive.told.wording import did_you_mean

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+](inf|nan)", re.IGNORECASE)
_DASHES = "\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}"
END = "--"


class LineError(Exception):
    """A command line that cannot be understood; its text is what is told."""


@dataclass
class _Line:
    """What was found so far.

    Parameters
    ----------
    flags : mapping from an action to the values that were given for it, each time it was given
    rest : list of str
        Everything that belongs to no flag.
    """

    flags: dict[argparse.Action, list[list[str]]] = field(default_factory=lambda: defaultdict(list))
    rest: list[str] = field(default_factory=list)


def arranged(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """Return the words in the order that argparse wants.

    Parameters
    ----------
    parser : ArgumentParser
    words : sequence of str

    Raises
    ------
    LineError
        For a flag that is not known, has no value or one that is none of its choices, or is given twice with
        different values; and for what is missing.
    """
    line, known = _Line(), known_flags(parser)
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == END:
            line.rest += waiting
            break
        if word == "-" or word[:1] not in ("-", *_DASHES) or NUMBER.fullmatch(word):
            line.rest.append(word)
            continue
        _take(word, waiting, known, line)
    _check(parser, line)
    return [w for action, times in line.flags.items() for values in times for w in _written(action, values)] + [
        END,
        *line.rest,
    ]


def known_flags(parser: argparse.ArgumentParser) -> Mapping[str, argparse.Action]:
    """Return the flags of a parser, each with what it does."""
    return {name: action for action in parser._actions for name in action.option_strings}


def spelled(action: argparse.Action) -> str:
    """Return the name of a flag as messages have it, or of what is no flag."""
    if action.option_strings:
        return next((name for name in action.option_strings if name.startswith("--")), action.option_strings[0])
    return str(action.metavar or action.dest).upper()


def wanted(action: argparse.Action) -> str:
    """Return what a flag takes, as its help has it."""
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    return str(action.metavar or ("|".join(map(str, action.choices)) if action.choices else action.dest.upper()))


def _take(word: str, waiting: list[str], known: Mapping[str, argparse.Action], line: _Line) -> None:
    """Take a flag, with its values, from the words that wait."""
    name, equals, value = word.partition("=")
    if name not in known and not word.startswith("--"):
        _refuse_slip(word, known)
        name, equals, value = word[:2], word[2:], word[2:]  # -oout, or several switches: -qv
        if name in known and known[name].nargs == 0:
            waiting.insert(0, f"-{value}")
            equals, value = "", ""
    if name not in known:
        raise LineError(_unknown(word, known))
    action = known[name]
    if equals and action.nargs == 0:
        raise LineError(f"{spelled(action)} takes no value, and was given {value!r}")
    line.flags[action].append([value] if equals else list(_values(action, waiting, known)))


def _values(action: argparse.Action, waiting: list[str], known: Mapping[str, argparse.Action]) -> Iterator[str]:
    """Take the values of a flag from the words that wait."""
    most: float = {None: 1, "?": 1, "+": float("inf")}.get(action.nargs, action.nargs)  # type: ignore[arg-type, assignment]
    taken = 0
    while waiting and taken < most and _is_value(action, waiting[0], known):
        if action.nargs == "+" and not NUMBER.fullmatch(waiting[0]):
            if taken:
                return
            most = 1  # numbers are several, a word is one
        taken += 1
        yield waiting.pop(0)
    fewest = {"?": 0, "+": 1}.get(str(action.nargs), most)
    if taken < fewest:
        found = f", not {waiting[0]!r}" if waiting else ""
        number = "a number, " if action.type in (int, float) else ""
        raise LineError(f"{spelled(action)} needs {number}{wanted(action)}{found}")


def _is_value(action: argparse.Action, word: str, known: Mapping[str, argparse.Action]) -> bool:
    if action.nargs == "?":
        return word in (action.choices or ()) or (action.type is int and word.isdecimal())
    if NUMBER.fullmatch(word) or word == "-":
        return True
    if action.nargs is not None and action.type in (int, float):
        return False
    return not word.startswith("--") and word.partition("=")[0] not in known


def _refuse_slip(word: str, known: Mapping[str, argparse.Action]) -> None:
    """Refuse ``-overwrite``, which would be ``-o verwrite``."""
    if word[0] in _DASHES:
        raise LineError(f"{word} begins with a typographic dash; flags begin with two hyphens, --")
    name = f"-{word.partition('=')[0]}"
    meant = [flag for flag in known if flag.startswith(name)] or difflib.get_close_matches(name, known, cutoff=0.9)
    if meant and len(word) > 3:
        raise LineError(f"{word}: a flag of several letters begins with two hyphens; did you mean {meant[0]}?")


def _unknown(word: str, known: Mapping[str, argparse.Action]) -> str:
    name = word.partition("=")[0]
    if name[0] in _DASHES or name[:2] in {f"-{dash}" for dash in _DASHES}:
        return f"{name} begins with a typographic dash; flags begin with two hyphens, --"
    longer = sorted(flag for flag in known if flag.startswith(name) and name != "-")
    if longer:
        return f"{name} is no flag; flags are written in full: {', '.join(longer[:4])}"
    return f"there is no flag {name}{did_you_mean(name, known)}"


def _check(parser: argparse.ArgumentParser, line: _Line) -> None:
    for action, times in line.flags.items():
        _check_flag(action, times)
    places = [a for a in parser._actions if not a.option_strings]
    missing = [a for a in parser._actions if a.option_strings and a.required and a not in line.flags]
    needed = [a for a in places if a.nargs not in ("?", "*")]
    absent = needed[min(len(line.rest), len(needed)) :] + missing
    if absent:
        named = ", ".join(f"{spelled(a)} {wanted(a)}".strip() if a.option_strings else spelled(a) for a in absent)
        raise LineError(f"missing: {named}")
    if places and all(a.nargs in (None, "?") for a in places) and len(line.rest) > len(places):
        extra = line.rest[len(places) :]
        raise LineError(f"{extra[0]!r} is one too many; wanted {' '.join(map(spelled, places))}")
    for action, word in zip(places, line.rest, strict=False):
        _check_choice(action, word)


def _check_flag(action: argparse.Action, times: list[list[str]]) -> None:
    if action.nargs != 0 and not isinstance(action, argparse._AppendAction) and any(t != times[0] for t in times):
        told = " and ".join(" ".join(t) for t in times[:2])
        raise LineError(f"{spelled(action)} is given twice, as {told}; give it once")
    for word in (w for values in times for w in values):
        _check_choice(action, word)


def _check_choice(action: argparse.Action, word: str) -> None:
    if action.choices is not None and word not in map(str, action.choices):
        choices = [str(c) for c in action.choices]
        raise LineError(f"{spelled(action)} is one of {', '.join(choices)}, not {word!r}{did_you_mean(word, choices)}")


def _written(action: argparse.Action, values: list[str]) -> list[str]:
    """Write a flag so that argparse takes its values for values, whatever they begin with."""
    name = spelled(action)
    return [f"{name}={values[0]}"] if len(values) == 1 else [name, *values]
