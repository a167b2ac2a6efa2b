"""Rules of Microsoft's Tools for Health Data Anonymization, in the form that it ships and in those of its drafts.

A rule has a ``tag`` (in drafts a ``VR``, or a ``name``), a ``method``, and settings: those of ``defaultSettings`` for
its method, over them the ``customSettings`` that it names, over them its ``params``. The first rule that matches
holds, and what none matches stays. Methods that depend on a key do what Microsoft's do, to the letter
(``dialect="microsoft"``); rules hold at every depth, where Microsoft's know the top level alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from derive.deidentification.configs.config import Configuration
from derive.deidentification.configs.rules import rule_of
from derive.deidentification.configs.tables import known_keys, said_of, tables_of
from derive.deidentification.methods.registry import METHODS
from derive.deidentification.profile.profile import profile_of
from derive.deidentification.profile.rule import Rule
from derive.errors import UsageError
from derive.told.wording import did_you_mean, flag

#: Keys of which each tells that a file is one of theirs.
TELLING = ("rules", "DicomTagRules", "DicomVRRules", "TagProfile")
_DEFAULTS = ("defaultSettings", "parameters")
_CUSTOM = ("customSettings", "customizedSettings", "cutomizedSettings")
_PROFILES = ("TagProfile", "profiles", "profile")
_RULES = ("DicomTagRules", "DicomVRRules", "rules")
_IN_A_RULE = ("tag", "vr", "name", "method", "setting", "settings", "params", "comment", "description")
_SCOPES = {"SeriesInstance": "series", "StudyInstance": "study", "SOPInstance": "instance", "resource": "instance"}
_ALIASES = {"refreshid": "refreshUID"}
_DIALECTS = ("cryptoHash", "dateShift", "encrypt")


class _Setting(NamedTuple):
    """A row of ``microsoft.tsv``: what they call a setting of a method, and what we do."""

    method: str
    theirs: str
    ours: str
    kind: str


@cache
def _settings() -> Mapping[str, tuple[_Setting, ...]]:
    lines = files(__package__).joinpath("microsoft.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [_Setting(*line.split("\t")) for line in lines]
    return {method: tuple(r for r in rows if r.method == method) for method in dict.fromkeys(r.method for r in rows)}


def read_microsoft(said: Mapping[str, Any], name: str) -> Configuration:
    """Read a configuration.

    Raises
    ------
    UsageError
        ``DEID-CONFIG``, ``DEID-ADDRESS``, ``DEID-METHOD``, ``DEID-SETTING``, ``DEID-PROFILE``, ``DEID-KEY``.
    """
    known_keys(said, (*_RULES, *_DEFAULTS, *_CUSTOM, *_PROFILES), name)
    reader = _Reader(name, _grouped(said, _DEFAULTS, name), _grouped(said, _CUSTOM, name))
    rules = tuple(reader.rule(table, place) for table, place in _rules(said, name))
    profile = profile_of(_profile(said, name) or "keep-all", rules=rules, dialect="microsoft")
    return Configuration(profile, key=reader.key())


def _rules(said: Mapping[str, Any], name: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    tables = [table for key in _RULES for table in tables_of(said, key, name)]
    yield from ((table, f"rule {number} of {name}") for number, table in enumerate(tables, 1))


def _profile(said: Mapping[str, Any], name: str) -> str:
    told = [said[key] for key in _PROFILES if key in said]
    names = [text for value in told for text in (value if isinstance(value, list) else [value])]
    if len(names) > 1 or not all(isinstance(text, str) for text in names):
        raise UsageError("DEID-CONFIG", f"{name}: one profile is wanted, not {len(names)}")
    return str(names[0]) if names else ""


def _grouped(said: Mapping[str, Any], keys: tuple[str, ...], name: str) -> dict[str, dict[str, Any]]:
    """Settings by what they are called: from a table, a list of tables, or (drafts) all of all methods in one."""
    found: dict[str, dict[str, Any]] = {}
    for key in keys:
        value = said.get(key, {})
        for table in value if isinstance(value, list) else [value]:
            if not isinstance(table, Mapping):
                raise UsageError("DEID-CONFIG", f"{name}: {key} is a table of settings, or a list of such tables")
            for told, settings in table.items():
                if isinstance(settings, Mapping):
                    found.setdefault(told, {}).update(settings)
                else:
                    found.setdefault(_method_of_setting(told, f"{name}, {key}"), {})[told] = settings
    return found


def _method_of_setting(theirs: str, place: str) -> str:
    rows = [row for rows in _settings().values() for row in rows]
    for row in rows:
        if row.theirs.casefold() == theirs.casefold():
            return row.method
    near = did_you_mean(theirs, [row.theirs for row in rows])
    raise UsageError("DEID-SETTING", f"{place}: there is no setting {theirs!r}{near}")


class _Reader:
    """The rules of one file, one after the other, and the keys that those of them need that are there."""

    def __init__(self, name: str, defaults: dict[str, dict[str, Any]], custom: dict[str, dict[str, Any]]) -> None:
        self.name = name
        self.defaults = {_default_of(key): settings for key, settings in defaults.items()}
        self.custom = custom
        self.keys: dict[str, str] = {}

    def rule(self, table: Mapping[str, Any], place: str) -> Rule:
        table = {key.lower(): value for key, value in table.items()}
        known_keys(table, _IN_A_RULE, place)
        addresses = [said_of(table, key, str, place, "") for key in ("tag", "vr", "name") if key in table]
        if len(addresses) != 1:
            raise UsageError("DEID-CONFIG", f"{place} wants one tag")
        said = said_of(table, "method", str, place, "")
        method = _canonical(_ALIASES.get(said.casefold(), said))
        settings = self._translated(method, self._merged(method, table, place), place)
        if method in _DIALECTS:
            settings["dialect"] = "microsoft"
        return rule_of(addresses[0], method, settings, place, str(table.get("comment", table.get("description", ""))))

    def key(self) -> str | None:
        """Return the one key that the file gives; None where it gives none."""
        keys = {key for key in self.keys.values() if key}
        if len(keys) > 1:
            raise UsageError(
                "DEID-KEY",
                f"{self.name} gives {' and '.join(self.keys)} different keys, and a run has one; wanted the same in "
                f"all of them, or none and {flag('key_env', 'NAME')}",
            )
        return next(iter(keys), None)

    def _merged(self, method: str, table: Mapping[str, Any], place: str) -> dict[str, Any]:
        named = str(table.get("setting", table.get("settings", "")))
        if named and named not in self.custom:
            near = did_you_mean(named, self.custom)
            there = ", ".join(self.custom) or "none"
            raise UsageError("DEID-SETTING", f"{place}: there are no settings {named!r}{near}; there are {there}")
        params = said_of(table, "params", dict, place, {})
        merged: dict[str, tuple[str, Any]] = {}
        for settings in (self.defaults.get(method, {}), self.custom.get(named, {}), params or {}):
            merged |= {theirs.casefold(): (theirs, value) for theirs, value in settings.items()}
        return dict(merged.values())

    def _translated(self, method: str, said: Mapping[str, Any], place: str) -> dict[str, Any]:
        rows = {row.theirs.casefold(): row for row in _settings().get(method, ())}
        found = {}
        for theirs, value in said.items():
            row = rows.get(theirs.casefold())
            if row is None:
                near = did_you_mean(theirs, [r.theirs for r in rows.values()])
                there = ", ".join(r.theirs for r in rows.values()) or "none"
                raise UsageError(
                    "DEID-SETTING", f"{place}: {method} has no setting {theirs!r}{near}; there are {there}"
                )
            if row.kind == "key":
                self.keys[method] = str(value)
            elif row.ours:
                found[row.ours] = _value(row, value, place)
        return found


def _default_of(said: str) -> str:
    """The method whose default settings a name is for: ``perturb``, or ``perturbDefaultSetting`` of a draft."""
    bare = said.casefold().replace("defautsetting", "").replace("defaultsetting", "")
    return _canonical(bare)


def _canonical(method: str) -> str:
    return {known.casefold(): known for known in METHODS}.get(method.casefold(), method)


def _boolean(value: object) -> bool:
    return {"true": True, "false": False}[str(value).casefold()]


def _scope(value: object) -> str:
    return {name.casefold(): ours for name, ours in _SCOPES.items()}[str(value).casefold()]


def _range(value: object) -> str:
    return f"-{int(str(value))}..{int(str(value))}"


_KINDS: Mapping[str, Callable[[Any], object]] = {
    "float": float,
    "int": int,
    "lower": lambda value: str(value).lower(),
    "text": str,
    "bool": _boolean,
    "scope": _scope,
    "range": _range,
}


def _value(row: _Setting, value: object, place: str) -> object:
    try:
        return _KINDS[row.kind](value)
    except (ValueError, TypeError, KeyError):
        raise UsageError("DEID-SETTING", f"{place}: {value!r} is no {row.theirs} of {row.method}") from None
