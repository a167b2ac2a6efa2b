"""What is wanted: a profile of PS3.15 Annex E, its options, and rules of the user's own that come before both."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from derive.deidentification.private.entries import PrivateEntry
from derive.deidentification.rule import Rule
from derive.errors import UsageError
from derive.told.wording import did_you_mean, flag

#: What the columns of the table are called where no option is in force, and the code of the profile (CID 7050).
BASIC, BASIC_CODE = "basic", "113100"
#: Editions of PS3.15 Table E.1-1 that can be chosen.
EDITIONS = ("2026d", "2024b")
BASES = ("basic", "minimal", "keep-all", "tag-contents", "keep-list", "remove-list")
DIALECTS = ("", "dcm4chee", "microsoft", "google")


class Option(NamedTuple):
    """An option of the profile (PS3.15 E.3), a row of ``options.tsv``.

    Parameters
    ----------
    name : str
        As it is given: ``device-identity``.
    kind : str
        ``retain`` or ``clean``.
    column : str
        Of Table E.1-1; empty for what concerns pixels alone.
    code, meaning : str
        Of CID 7050.
    dcm4chee : str
        What dcm4chee calls it; empty where it has none.
    cleaner : str
        The method that does what the column calls C; empty where the column has none.
    """

    name: str
    kind: str
    column: str
    code: str
    meaning: str
    dcm4chee: str
    cleaner: str


@cache
def options() -> dict[str, Option]:
    """Return the options by name, in the order of CID 7050."""
    text = files(__package__).joinpath("options.tsv").read_text(encoding="utf-8")
    rows = [Option(*line.split("\t")) for line in text.splitlines()[1:]]
    return {row.name: row for row in rows}


@dataclass(frozen=True)
class Profile:
    """What is wanted of a de-identification.

    Parameters
    ----------
    base : str
        One of :data:`BASES`: ``basic`` is the Basic Application Level Confidentiality Profile.
    options : tuple of str
        Names of options in force, in the order of CID 7050.
    edition : str
        Of Table E.1-1.
    dialect : str
        Whose reading of it is followed to the letter; empty for the standard's.
    rules : tuple of Rule
        They come before all else; the first that matches holds.
    tags : tuple of str
        Addresses of a keep list or a remove list.
    private : tuple of PrivateEntry
        Private attributes that a site tells of.
    """

    base: str = BASIC
    options: tuple[str, ...] = ()
    edition: str = EDITIONS[0]
    dialect: str = ""
    rules: tuple[Rule, ...] = ()
    tags: tuple[str, ...] = ()
    private: tuple[PrivateEntry, ...] = ()

    def __post_init__(self) -> None:
        for value, known in ((self.base, BASES), (self.edition, EDITIONS), (self.dialect, DIALECTS)):
            if value not in known:
                raise UsageError("DEID-PROFILE", f"there is no {value!r}; there are {', '.join(filter(None, known))}")
        if unknown := [name for name in self.options if name not in options()]:
            raise UsageError(
                "DEID-OPTION",
                f"there is no option {unknown[0]!r}{did_you_mean(unknown[0], options())}; "
                f"there are {', '.join(options())}",
            )
        if {"full-dates", "modified-dates"} <= {*self.options}:
            raise UsageError("DEID-DATES", "full-dates and modified-dates exclude each other (PS3.15 E.3.6)")

    @property
    def is_confidential(self) -> bool:
        """Whether it is the Basic Profile, or stricter: only then may its code be claimed."""
        return self.base in ("basic", "minimal")

    def has(self, option: str) -> bool:
        """Whether an option is in force."""
        return option in self.options

    def with_options(self, names: Iterable[str]) -> Profile:
        """Return the profile with more options in force."""
        wanted = {*self.options, *names}
        return replace(self, options=(*(n for n in options() if n in wanted), *sorted(wanted - options().keys())))


def profile_of(
    text: str = BASIC,
    retain: Iterable[str] = (),
    clean: Iterable[str] = (),
    *,
    rules: Iterable[Rule] = (),
    edition: str = "",
    dialect: str = "",
) -> Profile:
    """Return the profile that a text names, with more options.

    Parameters
    ----------
    text : str
        A base, with options behind it: ``basic``, ``keep-all``, ``basic+device-identity``; or what others call it:
        ``deidentify:RetainDeviceIdentityOption,RetainUIDsOption`` (dcm4chee).
    retain, clean : iterable of str
        Names of options of that kind.
    rules : iterable of Rule
        They come before all else.
    edition, dialect : str
        As of :class:`Profile`.

    Raises
    ------
    UsageError
        ``DEID-PROFILE``, ``DEID-OPTION``, ``DEID-DATES``.
    """
    base, names = _named(text)
    wanted = (*names, *_of_kind("retain", retain), *_of_kind("clean", clean))
    profile = Profile(base, (), edition or EDITIONS[0], dialect, (*rules,))
    return profile.with_options(wanted)


def _of_kind(kind: str, names: Iterable[str]) -> tuple[str, ...]:
    names = (*names,)
    for name in names:
        known = [row.name for row in options().values() if row.kind == kind]
        if name not in known:
            raise UsageError(
                "DEID-OPTION",
                f"there is no option {name!r} for {flag(kind)}{did_you_mean(name, known)}; "
                f"there are {', '.join(known)}",
            )
    return names


def _named(text: str) -> tuple[str, tuple[str, ...]]:
    said = [word.strip() for word in re.split(r"[+,]", text.removeprefix("deidentify:")) if word.strip()]
    bases = [word for word in said if word in BASES]
    if len(bases) > 1:
        raise UsageError("DEID-PROFILE", f"{' and '.join(bases)} are both a profile; one is wanted")
    theirs = {row.dcm4chee: row.name for row in options().values() if row.dcm4chee}
    return bases[0] if bases else BASIC, tuple(theirs.get(w, w) for w in said if w not in BASES)
