"""The newer form of Google's configuration of attributes (``DicomTagConfig``): actions by query, options, a profile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from derive.deidentification.configs.rules import rule_of
from derive.deidentification.configs.tables import known_keys, said_of, table_of, tables_of, texts_of
from derive.deidentification.profile.profile import Profile, Transformation, profile_of
from derive.deidentification.profile.rule import Rule
from derive.errors import UsageError
from derive.told.wording import did_you_mean

#: What each action is as a method; a sequence is gone through in any case, and pictures are cleaned by the plan.
_ACTIONS = {
    "keepTag": "keep",
    "removeTag": "redact",
    "deleteTag": "remove",
    "resetTag": "replace",
    "regenUidTag": "refreshUID",
    "cleanTextTag": "infoTypes",
    "recurseTag": "",
    "cleanImageTag": "",
}
_PRIMARY_IDS = {"PRIMARY_IDS_OPTION_UNSPECIFIED": (), "REGEN": (), "KEEP": ("uids",)}


def tag_profile(said: Mapping[str, Any], transformations: tuple[Transformation, ...], place: str) -> Profile:
    """Return the profile with the rules that it is.

    Raises
    ------
    UsageError
        ``DEID-CONFIG``, ``DEID-ADDRESS``, ``DEID-SETTING``, ``DEID-PROFILE``.
    """
    known_keys(said, ("actions", "options", "profileType"), place)
    options = table_of(said, "options", place)
    known_keys(options, ("cleanDescriptors", "cleanImage", "primaryIds"), f"{place}.options")
    ids = said_of(options, "primaryIds", str, f"{place}.options", "REGEN")
    if ids not in _PRIMARY_IDS:
        near = did_you_mean(ids, _PRIMARY_IDS)
        raise UsageError(
            "DEID-SETTING", f"{place}.options: primaryIds is one of {', '.join(_PRIMARY_IDS)}, not {ids!r}{near}"
        )
    named = profile_of(said_of(said, "profileType", str, place, "PROFILE_TYPE_UNSPECIFIED"))
    cleaned = ("descriptors",) if "cleanDescriptors" in options else ()
    return Profile(
        named.base,
        rules=tuple(_rules(said, transformations, place)),
        transformations=transformations if named.base == "tag-contents" else (),
    ).with_options((*_PRIMARY_IDS[ids], *cleaned))


def _rules(said: Mapping[str, Any], transformations: tuple[Transformation, ...], place: str) -> Iterator[Rule]:
    for number, action in enumerate(tables_of(said, "actions", place), 1):
        told = f"{place}.actions {number}"
        known_keys(action, ("queries", *_ACTIONS), told)
        named = [key for key in _ACTIONS if key in action]
        if len(named) != 1:
            raise UsageError("DEID-CONFIG", f"{told} wants one of {', '.join(_ACTIONS)}")
        method = _ACTIONS[named[0]]
        settings = {"transformations": transformations} if method == "infoTypes" else {}
        for query in texts_of(action, "queries", told):
            if method:
                yield rule_of(query, method, settings, told)
