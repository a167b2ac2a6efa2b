"""What is wanted: a profile of PS3.15 Annex E, its options, and rules of the user's own that come before both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from derive.deidentification.private.entries import PrivateEntry
from derive.deidentification.profile.rule import Address, Rule
from derive.errors import UsageError
from derive.rewriting.stored import AttributePath
from derive.told.wording import did_you_mean, flag

#: What the columns of the table are called where no option is in force, and the code of the profile (CID 7050).
BASIC, BASIC_CODE = "basic", "113100"
#: Editions of PS3.15 Table E.1-1 that can be chosen.
EDITIONS = ("2026d", "2024b")
BASES = ("basic", "minimal", "keep-all", "tag-contents", "keep-list", "remove-list")
DIALECTS = ("", "dcm4chee", "microsoft")


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
    scheme : str
        Designator of the scheme that the code is of: DCM, or a private one.
    """

    name: str
    kind: str
    column: str
    code: str
    meaning: str
    dcm4chee: str
    cleaner: str
    scheme: str

    @property
    def spellings(self) -> tuple[str, ...]:
        """What it is called: by us, by PS3.15 without blanks, by its code, and with its kind before it."""
        return self.name, self.meaning.replace(" ", ""), self.code, f"{self.kind}-{self.name}", self.dcm4chee


_ORIGINAL_ATTRIBUTES = AttributePath(0x04000561, "SQ")


@cache
def options() -> dict[str, Option]:
    """Return the options by name, in the order of CID 7050."""
    text = files(__package__).joinpath("options.tsv").read_text(encoding="utf-8")
    rows = [Option(*line.split("\t")) for line in text.splitlines()[1:]]
    return {row.name: row for row in rows}


@cache
def named_bases() -> dict[str, str]:
    """Return the bases by what they are called here and elsewhere, a row of ``profiles.tsv`` each."""
    text = files(__package__).joinpath("profiles.tsv").read_text(encoding="utf-8")
    return {name: base for name, base, _ in (line.split("\t") for line in text.splitlines()[1:])}


@cache
def named_options() -> dict[str, str]:
    """Return the options by everything that they are called."""
    return {spelling: row.name for row in options().values() for spelling in row.spellings if spelling}


@dataclass(frozen=True)
class Transformation:
    """What becomes of a piece of text that a detector found (``tag-contents``).

    Parameters
    ----------
    method : str
        What is done to it: ``redact``, ``characterMask``, ``dateShift``, ``cryptoHash``, ``replaceWithInfoType``.
    info_types : tuple of str
        Kinds of finding that it is for, as ``PERSON_NAME``; empty for all that nothing before it is for.
    settings : mapping of str to object
        Of the method.
    """

    method: str
    info_types: tuple[str, ...] = ()
    settings: Mapping[str, object] = field(default_factory=dict, hash=False)


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
    tags : tuple of Address
        Of a keep list or a remove list.
    private : tuple of PrivateEntry
        Private attributes that a site tells of.
    added : tuple of (int, str)
        Tags of attributes that are written where they are absent, with their text.
    transformations : tuple of Transformation
        Of ``tag-contents``; what is found is redacted where there are none.

    Raises
    ------
    UsageError
        ``DEID-PROFILE``, ``DEID-OPTION``, ``DEID-DATES``.
    """

    base: str = BASIC
    options: tuple[str, ...] = ()
    edition: str = EDITIONS[0]
    dialect: str = ""
    rules: tuple[Rule, ...] = ()
    tags: tuple[Address, ...] = ()
    private: tuple[PrivateEntry, ...] = ()
    added: tuple[tuple[int, str], ...] = ()
    transformations: tuple[Transformation, ...] = ()

    def __post_init__(self) -> None:
        for what, value, known in (
            ("profile", self.base, BASES),
            ("edition", self.edition, EDITIONS),
            ("dialect", self.dialect, DIALECTS),
        ):
            if value not in known:
                raise UsageError(
                    "DEID-PROFILE",
                    f"there is no {what} {value!r}{did_you_mean(value, known)}; "
                    f"there are {', '.join(filter(None, known))}",
                )
        if unknown := [name for name in self.options if name not in options()]:
            raise no_option(unknown[0], options())
        if {"full-dates", "modified-dates"} <= {*self.options}:
            raise UsageError("DEID-DATES", "full-dates and modified-dates exclude each other (PS3.15 E.3.6)")
        if self.dialect == "dcm4chee" and (
            foreign := [o for o in map(options().get, self.options) if o and o.column and not o.dcm4chee]
        ):
            raise UsageError("DEID-OPTION", f"dcm4chee has no option {foreign[0].name}, and its dialect is asked for")
        if self.tags and self.base not in ("keep-list", "remove-list"):
            raise UsageError(
                "DEID-PROFILE", f"a list of attributes is of keep-list and remove-list, not of {self.base}"
            )
        if self.is_confidential:
            _refuse_original_attributes(self.rules)

    @property
    def keeps_identity(self) -> bool:
        """Whether a rule lets Patient's Name or Patient ID stay: nobody may say then that the identity is removed."""
        named = (AttributePath(0x00100010, "PN"), AttributePath(0x00100020, "LO"))
        firsts = (next((rule for rule in self.rules if rule.address.matches(path)), None) for path in named)
        return any(rule is not None and rule.method == "keep" for rule in firsts)

    @property
    def is_confidential(self) -> bool:
        """Whether it is the Basic Profile, or stricter: only then may its code be claimed."""
        return self.base in ("basic", "minimal")

    @property
    def columns(self) -> tuple[Option, ...]:
        """The options in force that have a column of Table E.1-1; dcm4chee's dialect has lists for columns."""
        if self.dialect == "dcm4chee":
            return ()
        return tuple(row for name in self.options if (row := options()[name]).column)

    def has(self, option: str) -> bool:
        """Whether an option is in force."""
        return option in self.options

    def with_options(self, names: Iterable[str]) -> Profile:
        """Return the profile with more options in force."""
        wanted = {*self.options, *names}
        return replace(self, options=(*(n for n in options() if n in wanted), *sorted(wanted - options().keys())))


def no_option(name: str, known: Iterable[str], kind: str = "") -> UsageError:
    """Return the error of an option that there is not."""
    names = [*known]
    where = f" for {flag(kind)}" if kind else ""
    return UsageError(
        "DEID-OPTION", f"there is no option {name!r}{where}{did_you_mean(name, names)}; there are {', '.join(names)}"
    )


def _refuse_original_attributes(rules: Iterable[Rule]) -> None:
    """Refuse rules by which the values before a correction would stay: they are those that have to go."""
    first = next((rule for rule in rules if rule.address.matches(_ORIGINAL_ATTRIBUTES)), None)
    if first is not None and first.method.lower() not in ("remove", "redact"):
        raise UsageError(
            "DEID-ORIGINAL",
            f"{first.told} lets Original Attributes Sequence stay, which holds what values were before; together with "
            "de-identification it goes (PS3.15 Table E.1-1): take the rule out, or use the profile keep-all",
        )


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
        ``deidentify:RetainDeviceIdentityOption,RetainUIDsOption`` (dcm4chee), ``KEEP_ALL_PROFILE`` (Google).
    retain, clean : iterable of str
        Names of options of that kind.
    rules : iterable of Rule
        They come before all else.
    edition, dialect : str
        As of :class:`Profile`. Before a list of options, ``dcm4chee:`` says its dialect.

    Raises
    ------
    UsageError
        ``DEID-PROFILE``, ``DEID-OPTION``, ``DEID-DATES``.
    """
    scheme, colon, listed = text.rpartition(":")
    if colon and scheme not in ("deidentify", "dcm4chee"):
        raise UsageError("DEID-PROFILE", f"before a list of options stands deidentify: or dcm4chee:, not {scheme!r}")
    base, names = _named(listed)
    said = dialect or ("dcm4chee" if scheme == "dcm4chee" else "")
    profile = Profile(base, (), edition or EDITIONS[0], said, (*rules,))
    return profile.with_options((*names, *options_of("retain", retain), *options_of("clean", clean)))


def options_of(kind: str, said: Iterable[str]) -> tuple[str, ...]:
    """Return the names of options of one kind, however they are spelled.

    Raises
    ------
    UsageError
        ``DEID-OPTION`` for what is none, or is of the other kind.
    """
    names = [(spelling, named_options().get(spelling, spelling)) for spelling in said]
    known = [row.name for row in options().values() if row.kind == kind]
    if unknown := [spelling for spelling, name in names if name not in known]:
        raise no_option(unknown[0], known, kind)
    return tuple(name for _, name in names)


def _named(text: str) -> tuple[str, tuple[str, ...]]:
    """A base, and the options behind it; a word that is neither is an unknown profile where it stands first."""
    words = [word for word in re.split(r"[+,\s]+", text) if word]
    bases = [*dict.fromkeys(named_bases()[word] for word in words if word in named_bases())]
    if len(bases) > 1:
        raise UsageError("DEID-PROFILE", f"{' and '.join(bases)} are both a profile; one is wanted")
    others = [word for word in words if word not in named_bases()]
    if unknown := [word for word in others if word not in named_options()]:
        if unknown[0] != words[0]:
            raise no_option(unknown[0], options())
        near = did_you_mean(unknown[0], (*named_bases(), *named_options()))
        raise UsageError("DEID-PROFILE", f"there is no profile {unknown[0]!r}{near}; there are {', '.join(BASES)}")
    return bases[0] if bases else BASIC, tuple(named_options()[word] for word in others)
