"""A site's own configuration, in TOML.

::

    profile = ["basic", "retain-device-identity", "retain-modified-dates", "clean-descriptors"]
    edition = "2026d"                    # of PS3.15 Table E.1-1

    [key]                                # where it is, never the key
    env = "DERIVE_KEY"

    [uids]
    external = "remove"                  # references out of the set: map, or remove
    map = "map.sqlite"

    [date_shift]
    scope = "patient"                    # study, series, instance
    range_days = [-365, -1]

    [ids]
    map = "subjects.csv"                 # id_old,id_new; create = true adds who is not in it

    [[rule]]                             # the first that matches holds, before the profile
    tag = '(0029,"SIEMENS CSA HEADER",10)'
    method = "cleanCsa"
    why = "needed for conversion"        # any other key is a setting of the method

    [[private.keep]]
    group = 0x0019
    creator = "SIEMENS MR HEADER"
    elements = [0x0C, 0x0E]

    [private_dictionary]
    '(0021,"MY STATION",01)' = "DS"

    [dummies]                            # by keyword or VR, for what is replaced
    PatientSex = "O"

    [pixels]
    us_regions = "keep"
    boxes = [[0, 0, 640, 40]]
    templates = "t.toml"                 # or tables [[pixels.template]]
    ocr = "report"
    burned_in = "refuse"

    [text]
    keep_tokens = "words.txt"            # a word a line that may stay in descriptors

The profiles ``keep-list`` and ``remove-list`` have ``tags = ["PatientID"]``. Files are found from the folder of the
configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from derive.deidentification.configs.config import Configuration
from derive.deidentification.configs.rules import address_of, rule_of
from derive.deidentification.configs.tables import known_keys, said_of, table_of, tables_of, texts_of
from derive.deidentification.pixels.box import Box
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.private.entries import dictionary_entries, kept_entries
from derive.deidentification.profile.profile import Profile, Transformation, profile_of
from derive.deidentification.profile.rule import Rule
from derive.deidentification.run.dates import FIRST_DAYS, LAST_DAYS, checked_days
from derive.deidentification.run.run import RunPlan
from derive.deidentification.templates.own import read_own
from derive.deidentification.templates.read import load_templates
from derive.deidentification.templates.template import Template, not_looked_at
from derive.deidentification.text.cleaning import TextCleaning
from derive.deidentification.text.transforming import TRANSFORMATIONS
from derive.errors import UsageError
from derive.told.wording import did_you_mean

_PROFILE = ("profile", "retain", "clean", "edition", "dialect", "tags")
_TABLES = ("key", "uids", "date_shift", "ids", "rule", "private", "private_dictionary", "dummies", "pixels", "text")
_PIXELS = ("boxes", "us_regions", "templates", "template", "ocr", "ocr_text", "burned_in")
_OF_A_RULE = ("tag", "method", "why")


def read_site(said: Mapping[str, Any], name: str, folder: Path) -> Configuration:
    """Read a configuration.

    Parameters
    ----------
    said : mapping
        What the TOML says.
    name : str
        For messages and for the report.
    folder : Path
        From which files are found.

    Raises
    ------
    UsageError
        ``DEID-CONFIG``, and what each part of it raises.
    """
    known_keys(said, (*_PROFILE, *_TABLES), name)
    text = table_of(said, "text", name)
    known_keys(text, ("keep_tokens", "transformation"), f"{name}, text")
    pixels = _pixels(table_of(said, "pixels", name), f"{name}, pixels", folder)
    unasked = not_looked_at(t for t in pixels.templates if isinstance(t, Template))
    notes = tuple(f"{name}: {keyword} is asked for by a template, and is not looked at" for keyword in unasked)
    return Configuration(_profile(said, text, name), _plan(said, text, name, folder), pixels, notes=notes)


def _profile(said: Mapping[str, Any], text: Mapping[str, Any], name: str) -> Profile:
    words = texts_of(said, "profile", name)
    named = profile_of(
        "+".join(words) or "basic",
        texts_of(said, "retain", name),
        texts_of(said, "clean", name),
        rules=[_rule(table, f"rule {n} of {name}") for n, table in enumerate(tables_of(said, "rule", name), 1)],
        edition=said_of(said, "edition", str, name, ""),
        dialect=said_of(said, "dialect", str, name, ""),
    )
    private = table_of(said, "private", name)
    known_keys(private, ("keep",), f"{name}, private")
    entries = dictionary_entries(table_of(said, "private_dictionary", name))
    place = f"{name}, text.transformation"
    return Profile(
        named.base,
        named.options,
        named.edition,
        named.dialect,
        named.rules,
        tuple(address_of(tag, f"{name}, tags") for tag in texts_of(said, "tags", name)),
        private=(*entries, *kept_entries(tables_of(private, "keep", f"{name}, private"))),
        transformations=tuple(_transformation(table, place) for table in tables_of(text, "transformation", name)),
    )


def _rule(table: Mapping[str, Any], place: str) -> Rule:
    for key in ("tag", "method"):
        if not said_of(table, key, str, place, ""):
            raise UsageError("DEID-CONFIG", f"{place} wants a {key}")
    settings = {key: value for key, value in table.items() if key not in _OF_A_RULE}
    return rule_of(table["tag"], table["method"], settings, place, said_of(table, "why", str, place, ""))


def _transformation(table: Mapping[str, Any], place: str) -> Transformation:
    method = said_of(table, "method", str, place, "")
    if method not in TRANSFORMATIONS:
        near = did_you_mean(method, TRANSFORMATIONS)
        raise UsageError(
            "DEID-METHOD", f"{place}: there is no method {method!r}{near}; there are {', '.join(TRANSFORMATIONS)}"
        )
    settings = {key: value for key, value in table.items() if key not in ("method", "info_types")}
    known_keys(settings, ("masking_character",), place)
    return Transformation(method, texts_of(table, "info_types", place), settings)


def _plan(said: Mapping[str, Any], text: Mapping[str, Any], name: str, folder: Path) -> RunPlan:
    key, uids, dates, ids = (table_of(said, part, name) for part in ("key", "uids", "date_shift", "ids"))
    known_keys(key, ("env", "file"), f"{name}, key")
    known_keys(uids, ("mode", "external", "map"), f"{name}, uids")
    known_keys(dates, ("scope", "range_days"), f"{name}, date_shift")
    known_keys(ids, ("map", "create", "patient_id", "patient_name"), f"{name}, ids")
    _refuse_mode(uids, f"{name}, uids")
    return RunPlan(
        key_env=said_of(key, "env", str, f"{name}, key", ""),
        key_file=_file(key, "file", f"{name}, key", folder),
        uid_map=_file(uids, "map", f"{name}, uids", folder),
        external=said_of(uids, "external", str, f"{name}, uids", "map"),
        date_scope=said_of(dates, "scope", str, f"{name}, date_shift", "patient"),
        date_shift=_range(dates, f"{name}, date_shift"),
        patient_id=said_of(ids, "patient_id", str, f"{name}, ids", ""),
        patient_name=said_of(ids, "patient_name", str, f"{name}, ids", ""),
        id_map=_file(ids, "map", f"{name}, ids", folder),
        id_map_create=said_of(ids, "create", bool, f"{name}, ids", False),
        text=_cleaning(text, f"{name}, text", folder),
        dummies=_dummies(table_of(said, "dummies", name), f"{name}, dummies"),
    )


def _dummies(table: Mapping[str, Any], place: str) -> Mapping[str, str]:
    return {key: said_of(table, key, str, place, "") for key in table}


def _refuse_mode(uids: Mapping[str, Any], place: str) -> None:
    """``hmac`` is what a key does; ``random`` what a map keeps without one."""
    mode = said_of(uids, "mode", str, place, "hmac")
    if mode not in ("hmac", "random"):
        raise UsageError(
            "DEID-CONFIG", f"{place}: mode is hmac or random, not {mode!r}{did_you_mean(mode, ('hmac', 'random'))}"
        )
    if mode == "random" and "map" not in uids:
        raise UsageError(
            "DEID-CONFIG", f"{place}: random UIDs are the same in no two runs unless a map keeps them; wanted map"
        )


def _range(dates: Mapping[str, Any], place: str) -> tuple[int, int]:
    days = dates.get("range_days", [FIRST_DAYS, LAST_DAYS])
    if not isinstance(days, list) or len(days) != 2 or not all(type(day) is int for day in days):
        raise UsageError("DEID-CONFIG", f"{place}: range_days is the first and the last day, as [-365, -1]")
    return checked_days(*days)


def _file(table: Mapping[str, Any], key: str, place: str, folder: Path) -> Path | None:
    said = said_of(table, key, str, place, "")
    return folder / said if said else None


def _cleaning(text: Mapping[str, Any], place: str, folder: Path) -> TextCleaning:
    path = _file(text, "keep_tokens", place, folder)
    if path is None:
        return TextCleaning()
    try:
        words = path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("DEID-CONFIG", f"{place}: {path.name} cannot be read: {type(error).__name__}") from None
    return TextCleaning(keep_tokens=frozenset(word.lower() for word in words))


def _pixels(table: Mapping[str, Any], place: str, folder: Path) -> PixelPlan:
    known_keys(table, _PIXELS, place)
    boxes = said_of(table, "boxes", list, place, [])
    path = _file(table, "templates", place, folder)
    templates = (*(load_templates(path) if path else ()), *read_own(tables_of(table, "template", place), place))
    return PixelPlan(
        boxes=tuple(Box.parse(",".join(map(str, box)) if isinstance(box, list) else str(box)) for box in boxes),
        us_regions=said_of(table, "us_regions", str, place, ""),
        templates=templates,
        ocr=said_of(table, "ocr", str, place, ""),
        ocr_text=said_of(table, "ocr_text", str, place, "all"),
        burned_in=said_of(table, "burned_in", str, place, "refuse"),
    )
