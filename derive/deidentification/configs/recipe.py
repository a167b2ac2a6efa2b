"""Recipes of pydicom's deid: what ``%header`` says of attributes, and what ``%filter`` says of pictures.

Of two actions for one attribute the one that keeps more holds, whichever stands first: KEEP, ADD, REPLACE, JITTER,
REMOVE, BLANK. What no action is for stays, but private attributes go, as deid has them go unless it is told otherwise,
and UIDs change: an instance that was changed is another one. An action may name a group of ``%fields``, or the
attributes that hold one of the ``%values`` of this object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from derive.deidentification.configs.config import Configuration
from derive.deidentification.configs.expander import Expander, is_expander
from derive.deidentification.configs.rules import address_of, rule_of
from derive.deidentification.methods import METHODS
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.profile.profile import Profile
from derive.deidentification.profile.rule import Address, Rule
from derive.deidentification.templates.recipe import read_filters
from derive.elements.element import tag_of
from derive.errors import UsageError
from derive.told.wording import did_you_mean

#: In the order in which they hold.
ACTIONS = ("KEEP", "ADD", "REPLACE", "JITTER", "REMOVE", "BLANK")
_SECTIONS = ("header", "values", "fields", "filter", "labels")
_WORDS = re.compile(r"""(?:[^\s"']+|"[^"]*"|'[^']*')+""")
_IS_RECIPE = re.compile(r"^\s*(FORMAT\s+dicom\s*$|%(header|filter|values|fields)\b)", re.IGNORECASE | re.MULTILINE)
#: What an instance is told by: a file without them is none, so that a new UID stands for having none.
_IDENTITY = frozenset(["SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "MediaStorageSOPInstanceUID"])
#: Functions that deid brings along; those of a caller's own are Python.
_FUNCTIONS = {
    "jitter": "dateShift",
    "pydicom_uuid": "refreshUID",
    "dicom_uuid": "refreshUID",
    "basic_uuid": "refreshUID",
    "suffix_uuid": "refreshUID",
}
#: What begins a value that only whoever calls deid from Python has.
_OUTSIDE = ("var:", "func:", "deid_func:")
#: What a patient is called by afterwards, which a run has of its own.
_SUBJECT = ("PatientID", "PatientName")
_ODD = "13579BDF"


def is_recipe(text: str) -> bool:
    """Whether a text is a recipe."""
    return _IS_RECIPE.search(text) is not None


@dataclass
class _Recipe:
    """The lines of a recipe by section, while they are read."""

    name: str
    header: list[tuple[int, list[str]]] = field(default_factory=list)
    values: dict[str, list[tuple[int, list[str]]]] = field(default_factory=dict)
    fields: dict[str, list[tuple[int, list[str]]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def place(self, number: int) -> str:
        return f"line {number} of {self.name}"


def read_recipe(text: str, name: str) -> Configuration:
    """Read a recipe.

    Raises
    ------
    UsageError
        ``DEID-CONFIG``, ``DEID-ADDRESS``, ``DEID-METHOD``, ``DEID-SETTING``, ``DEID-TEMPLATE``, ``DEID-TAG``.
    """
    recipe = _sections(text, name)
    rules, added, checks = list[Rule](), list[tuple[int, str]](), list[dict[str, Any]]()
    for number, words in sorted(recipe.header, key=lambda line: ACTIONS.index(line[1][0])):
        if any(word.startswith("values:") for word in words[1:]):
            checks += _checks(recipe, number, words)
            continue
        rules += _rules(recipe, number, words)
        if words[0] == "ADD" and not words[2].startswith(_OUTSIDE):
            added.append((_tag(words[1], recipe.place(number)), _bare(words[2:])))
    if recipe.header:
        rules += _private_goes(name)
    if checks:  # last, as whatever it is asked for and does not hold a value is done with
        everything = Expander("ALL", vrs=METHODS["removeIfNamed"].vrs)
        rules.append(rule_of(everything, "removeIfNamed", {"checks": checks}, f"values of {name}"))
    profile = Profile("keep-all", rules=tuple(rules), added=tuple(added))
    return Configuration(
        profile, pixels=PixelPlan(templates=read_filters(text.splitlines(), name)), notes=tuple(recipe.notes)
    )


def _sections(text: str, name: str) -> _Recipe:
    recipe = _Recipe(name)
    lines: list[tuple[int, list[str]]] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        words = _WORDS.findall(re.split(r"(?:^|\s)#", line, maxsplit=1)[0])
        if not words:
            continue
        if words[0].upper() == "FORMAT":
            if [word.lower() for word in words[1:]] != ["dicom"]:
                raise UsageError("DEID-CONFIG", f"{recipe.place(number)}: the format is dicom")
        elif words[0].startswith("%"):
            lines = _section(recipe, number, words)
        elif lines is not None:
            lines.append((number, [words[0].upper(), *words[1:]]))
    for number, words in recipe.header:
        if words[0] not in ACTIONS or len(words) < 2:
            near = did_you_mean(words[0], ACTIONS)
            raise UsageError(
                "DEID-METHOD",
                f"{recipe.place(number)}: {words[0]} is no action with a field{near}; there are {', '.join(ACTIONS)}",
            )
    return recipe


def _section(recipe: _Recipe, number: int, words: list[str]) -> list[tuple[int, list[str]]] | None:
    """The list that the lines of a section go to; None for filters, which templates read."""
    kind, names = words[0].lstrip("%").lower(), words[1:]
    if kind not in _SECTIONS:
        near = did_you_mean(kind, _SECTIONS)
        raise UsageError(
            "DEID-CONFIG",
            f"{recipe.place(number)}: there is no section %{kind}{near}; there are %{', %'.join(_SECTIONS)}",
        )
    if kind == "header":
        return recipe.header
    if kind == "labels":
        recipe.notes.append(f"{recipe.place(number)}: labels are not followed")
        return []
    if kind == "filter":
        return None
    if len(names) != 1:
        raise UsageError("DEID-CONFIG", f"{recipe.place(number)}: %{kind} wants one name")
    groups = recipe.values if kind == "values" else recipe.fields
    return groups.setdefault(names[0], [])


def _rules(recipe: _Recipe, number: int, words: list[str]) -> Iterator[Rule]:
    """The rules of one line of the header: one for each address that its field stands for."""
    place = recipe.place(number)
    action, said, value = words[0], words[1], " ".join(words[2:]).strip()
    for address in _addresses(recipe, said, place):
        method, settings = _method(action, address, value, place)
        yield rule_of(_narrowed(address, method), method, settings, place)


def _narrowed(address: Address, method: str) -> Address:
    """An expander is for what its method can be asked for; anything else says what it is for."""
    if isinstance(address, Expander):
        return replace(address, vrs=METHODS[method].vrs)
    return address


def _method(action: str, address: Address, value: str, place: str) -> tuple[str, dict[str, Any]]:
    if action in ("REPLACE", "ADD", "JITTER") and not value:
        raise UsageError("DEID-SETTING", f"{place}: {action} wants a value")
    if value.startswith(_OUTSIDE):
        return _from_outside(action, address, value, place)
    if action == "JITTER":
        if not re.fullmatch(r"[-+]?\d+", value):
            raise UsageError("DEID-SETTING", f"{place}: JITTER wants a number of days, not {value!r}")
        return "dateShift", {"days": int(value)}
    if action in ("REMOVE", "BLANK"):
        if value:
            raise UsageError("DEID-SETTING", f"{place}: {action} takes no value but values:NAME, not {value!r}")
        if address.text in _IDENTITY:
            return "refreshUID", {}
        return ("remove" if action == "REMOVE" else "redact"), {}
    return ("keep", {}) if action == "KEEP" else ("substitute", {"replace_with": _bare([value])})


def _bare(words: list[str]) -> str:
    """A value without the quotes around it."""
    return " ".join(words).strip().strip("\"'")


def _from_outside(action: str, address: Address, value: str, place: str) -> tuple[str, dict[str, Any]]:
    """What stands for a value that only whoever calls deid from Python has: what the run itself has of that kind.

    A new name of the patient, the shift of the patient's dates, new UIDs; functions that deid brings along are known.
    """
    kind, _, rest = value.partition(":")
    name, *said = rest.split() or [""]
    if kind == "deid_func" and name in _FUNCTIONS:
        return _FUNCTIONS[name], _days(said, place) if name == "jitter" else {}
    if action == "JITTER":
        return "dateShift", {}
    if action in ("REPLACE", "ADD") and address.text in _SUBJECT:
        return "subject", {}
    if action in ("REPLACE", "ADD") and (tag := tag_for_keyword(address.text)) and dictionary_VR(tag) == "UI":
        return "refreshUID", {}
    raise UsageError(
        "DEID-SETTING",
        f"{place}: {value} is known to whoever calls deid from Python, and to nobody here; wanted is the value, one of "
        f"{', '.join('deid_func:' + known for known in _FUNCTIONS)}, or a rule of our own",
    )


def _days(said: list[str], place: str) -> dict[str, Any]:
    numbers = dict(part.partition("=")[::2] for part in said)
    if not {*numbers} <= {"days", "years"} or not all(re.fullmatch(r"[-+]?\d+", n) for n in numbers.values()):
        raise UsageError("DEID-SETTING", f"{place}: jitter has days=N and years=N")
    return {"days": int(numbers.get("days", 1)) + 365 * int(numbers.get("years", 0))}


def _addresses(recipe: _Recipe, said: str, place: str) -> Iterator[Address]:
    if said.startswith("fields:"):
        group = said.removeprefix("fields:")
        if group not in recipe.fields:
            near = did_you_mean(group, recipe.fields)
            raise UsageError("DEID-ADDRESS", f"{place}: there is no section %fields {group}{near}")
        for number, words in recipe.fields[group]:
            yield from _addresses(recipe, _field(recipe, number, words, ("FIELD",)), recipe.place(number))
    elif is_expander(said):
        try:
            yield Expander(said)
        except UsageError as error:
            raise UsageError(error.code, f"{place}: {error.message}") from None
    else:
        yield address_of(said, place)


def _field(recipe: _Recipe, number: int, words: list[str], known: Iterable[str]) -> str:
    if words[0] not in known or len(words) < 2:
        raise UsageError("DEID-CONFIG", f"{recipe.place(number)}: wanted is {' or '.join(known)} with a field")
    return words[1]


def _checks(recipe: _Recipe, number: int, words: list[str]) -> Iterator[dict[str, Any]]:
    """What is looked for in attributes, wherever they may be: the values of a group."""
    place, action = recipe.place(number), words[0]
    group = next(word for word in words[1:] if word.startswith("values:")).removeprefix("values:")
    where = "ALL" if words[1].startswith("values:") else words[1]
    if group not in recipe.values:
        near = did_you_mean(group, recipe.values)
        raise UsageError("DEID-ADDRESS", f"{place}: there is no section %values {group}{near}")
    if action not in ("REMOVE", "BLANK"):
        raise UsageError("DEID-METHOD", f"{place}: values can be removed and blanked, not {action}")
    sources = []
    for line, said in recipe.values[group]:
        told = _field(recipe, line, said, ("FIELD", "SPLIT"))
        sources += [_source(a, said, recipe.place(line)) for a in _addresses(recipe, told, recipe.place(line))]
    for address in _addresses(recipe, where, place):
        yield {"address": address, "sources": sources, "empty": action == "BLANK"}


def _source(address: Address, words: list[str], place: str) -> Mapping[str, Any]:
    """An attribute from which values are taken, and how it is split."""
    if words[0] == "FIELD":
        return {"address": address}
    options = dict(part.strip().partition("=")[::2] for part in "".join(words[2:]).split(";") if part.strip())
    if unknown := [key for key in options if key not in ("by", "splitval", "minlength")]:
        raise UsageError("DEID-SETTING", f"{place}: SPLIT has no {unknown[0]!r}; there are by and minlength")
    by = options.get("by", options.get("splitval", "")).strip("\"'") or " "
    shortest = options.get("minlength", "1").strip("\"'")
    if not shortest.isdigit():
        raise UsageError("DEID-SETTING", f"{place}: minlength is a number, not {shortest!r}")
    return {"address": address, "by": by, "shortest": int(shortest)}


def _private_goes(name: str) -> list[Rule]:
    return [
        rule_of(f"(xxx{digit},xxxx)", "remove", {}, f"{name} (private attributes, as deid has it)") for digit in _ODD
    ]


def _tag(said: str, place: str) -> int:
    try:
        return tag_of(said)
    except KeyError:
        raise UsageError("DEID-ADDRESS", f"{place}: ADD wants a keyword, not {said!r}") from None
