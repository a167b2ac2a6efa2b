"""What a caller wants of a run, settled and refused before any file is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from derive.deidentification.layout import checked_layout
from derive.deidentification.profile import BASIC, Profile, profile_of
from derive.deidentification.rule import Rule
from derive.deidentification.run import Run, RunPlan, run_of
from derive.elements.instance import Instance
from derive.errors import UsageError
from derive.told.wording import did_you_mean, flag

#: What becomes of an object that cannot be made safe by a table.
CHOICES = ("refuse", "skip", "keep")


@dataclass(frozen=True)
class Wanted:
    """What a caller can say of a run.

    Parameters
    ----------
    profile : str or Profile
        A base with its options, as :func:`derive.deidentification.profile.profile_of` reads it.
    retain, clean : iterable of str
        Options of PS3.15 E.3 by name.
    rules : iterable of Rule
        They come before the profile; the first that matches holds.
    edition : str
        Of Table E.1-1; empty for the newest.
    key : str or bytes, optional
        Of which new UIDs, shifts and names follow; without one they are of this run only.
    key_env : str
        Environment variable that holds it.
    key_file : path, optional
        File that holds it.
    layout : str
        ``tree`` (patient, study, series) or ``flat``.
    encapsulated : str
        What becomes of documents in objects (PDF, CDA, STL), which nothing can clean: ``refuse``, ``skip``, ``keep``.
    resume : bool
        Go on where a run ended that was given the same key and profile.
    overwrite : bool
        Replace a folder that is not empty, as a whole, if derive wrote all that is in it.
    verify : bool
        Read and search every written object before it is published.
    dry_run : bool
        Write nothing, and report what would be done.
    jobs : int, optional
        How many processes work side by side; None for as many as there are cores.
    """

    profile: str | Profile = BASIC
    retain: Iterable[str] = ()
    clean: Iterable[str] = ()
    rules: Iterable[Rule] = ()
    edition: str = ""
    key: str | bytes | None = None
    key_env: str = ""
    key_file: str | Path | None = None
    layout: str = "tree"
    encapsulated: str = "refuse"
    resume: bool = False
    overwrite: bool = False
    verify: bool = True
    dry_run: bool = False
    jobs: int | None = 1

    @property
    def is_keyed(self) -> bool:
        """Whether another run gives the same UIDs, dates and names."""
        return bool(self.key or self.key_env or self.key_file)


@dataclass(frozen=True)
class Settled:
    """A run before its first file.

    Parameters
    ----------
    wanted : Wanted
    profile : Profile
    run : Run
    """

    wanted: Wanted
    profile: Profile
    run: Run

    @property
    def seen(self) -> Callable[[Instance], None]:
        """Told of every object of the set in the first pass."""
        return self.run.seen


def wanted_of(said: Mapping[str, Any]) -> Wanted:
    """Return what a caller said.

    Raises
    ------
    UsageError
        ``OPT-UNKNOWN`` for an option that there is not.
    """
    known = [f.name for f in fields(Wanted)]
    unknown = sorted(said.keys() - {*known})
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise UsageError("OPT-UNKNOWN", f"there is no option {unknown[0]!r}{hint}; there are {', '.join(known)}")
    return Wanted(**said)


def settled(wanted: Wanted) -> Settled:
    """Settle profile, rules, keys and names.

    Raises
    ------
    UsageError
        For anything of it that cannot be: no file was looked at yet.
    """
    checked_layout(wanted.layout)
    if wanted.encapsulated not in CHOICES:
        told = f"{flag('encapsulated')} is {wanted.encapsulated!r:.40}; wanted one of {', '.join(CHOICES)}"
        raise UsageError("DEID-CHOICE", told)
    if wanted.resume and wanted.overwrite:
        raise UsageError(
            "DEID-RESUME", f"{flag('resume')} keeps what is there, {flag('overwrite')} replaces it: give one"
        )
    if wanted.resume and not wanted.is_keyed:
        how = f"give both runs {flag('key_env', 'NAME')}"
        text = f"without a key new UIDs are of one run only, and none can go on with another; {how}"
        raise UsageError("DEID-RESUME", text)
    profile = _profile(wanted)
    key_file = Path(wanted.key_file) if wanted.key_file else None
    return Settled(wanted, profile, run_of(profile, wanted.key, RunPlan(wanted.key_env, key_file)))


def _profile(wanted: Wanted) -> Profile:
    if isinstance(wanted.profile, Profile):
        if wanted.retain or wanted.clean or wanted.rules or wanted.edition:
            raise UsageError(
                "DEID-PROFILE", "a Profile says its options, rules and edition itself; give its name instead"
            )
        return wanted.profile
    return profile_of(wanted.profile, wanted.retain, wanted.clean, rules=wanted.rules, edition=wanted.edition)
