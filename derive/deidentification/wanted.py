"""What a caller wants of a run, settled and refused before any file is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from derive.deidentification.dates import FIRST_DAYS, LAST_DAYS, days_told
from derive.deidentification.layout import checked_layout
from derive.deidentification.pixels.box import Box
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.profile import BASIC, Profile, profile_of
from derive.deidentification.rule import Rule
from derive.deidentification.run import Run, RunPlan, run_of
from derive.deidentification.templates.read import load_templates
from derive.deidentification.text.cleaning import TextCleaning
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
    key_env, key_file, uid_map, external, date_scope, patient_id, patient_name, id_map, id_map_create
        As in :class:`derive.deidentification.run.RunPlan`.
    date_shift : str or (int, int), optional
        Range of shifts in days, as ``-365..-1``.
    keep_tokens : path or collection of str, optional
        Words that may stay in free text that is cleaned: a file with one a line, or the words.
    clean_text : callable (str) -> str, optional
        A cleaner of free text of one's own; it gets what the others have left.
    blank : iterable of str
        Boxes ``x,y,width,height`` that are blanked in every image.
    templates : path, optional
        Boxes by what a header says: TOML, a CTP pixel script, or a recipe of deid.
    us_regions, ocr, ocr_text, burned_in
        As in :class:`derive.deidentification.pixels.plan.PixelPlan`.
    encapsulated : str
        What becomes of documents in objects (PDF, CDA, STL), which nothing can clean: ``refuse``, ``skip``, ``keep``.
    layout : str
        ``tree`` (patient, study, series) or ``flat``.
    dicomdir : bool
        Make a DICOMDIR of what is published.
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
    uid_map: str | Path | None = None
    external: str = "map"
    date_scope: str = "patient"
    date_shift: str | tuple[int, int] | None = None
    patient_id: str = ""
    patient_name: str = ""
    id_map: str | Path | None = None
    id_map_create: bool = False
    keep_tokens: str | Path | Collection[str] | None = None
    clean_text: Callable[[str], str] | None = None
    blank: Iterable[str] = ()
    templates: str | Path | None = None
    us_regions: str = ""
    ocr: str = ""
    ocr_text: str = "all"
    burned_in: str = "refuse"
    encapsulated: str = "refuse"
    layout: str = "tree"
    dicomdir: bool = False
    resume: bool = False
    overwrite: bool = False
    verify: bool = True
    dry_run: bool = False
    jobs: int | None = 1


@dataclass(frozen=True)
class Settled:
    """A run before its first file.

    Parameters
    ----------
    wanted : Wanted
    profile : Profile
    run : Run
    pixels : PixelPlan
    """

    wanted: Wanted
    profile: Profile
    run: Run
    pixels: PixelPlan

    @property
    def is_consistent(self) -> bool:
        """Whether another run gives the same UIDs, dates and names."""
        return not self.run.secrets.is_random


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
    """Settle profile, rules, keys, names and boxes.

    Raises
    ------
    UsageError
        For anything of it that cannot be: no file was looked at yet.
    """
    checked_layout(wanted.layout)
    if wanted.encapsulated not in CHOICES:
        told = f"{flag('encapsulated')} is {wanted.encapsulated!r:.40}; wanted one of {', '.join(CHOICES)}"
        raise UsageError("DEID-CHOICE", told)
    if wanted.jobs is not None and wanted.jobs < 1:
        raise UsageError("OPT-JOBS", f"{wanted.jobs} jobs; wanted 1 or more")
    if wanted.resume and wanted.overwrite:
        text = f"{flag('resume')} keeps what is there, {flag('overwrite')} replaces it: give one"
        raise UsageError("DEID-RESUME", text)
    profile = _profile(wanted)
    ready = Settled(wanted, profile, run_of(profile, wanted.key, _plan(wanted)), _pixels(wanted))
    if wanted.resume and not ready.is_consistent:
        how = f"give both runs {flag('key_env', 'NAME')} or {flag('uid_map', 'FILE')}"
        text = f"without a key new UIDs are of one run only, and none can go on with another; {how}"
        raise UsageError("DEID-RESUME", text)
    return ready


def _profile(wanted: Wanted) -> Profile:
    if isinstance(wanted.profile, Profile):
        if wanted.retain or wanted.clean or wanted.rules or wanted.edition:
            text = "a Profile says its options, rules and edition itself; give its name instead"
            raise UsageError("DEID-PROFILE", text)
        return wanted.profile
    return profile_of(wanted.profile, wanted.retain, wanted.clean, rules=wanted.rules, edition=wanted.edition)


def _plan(wanted: Wanted) -> RunPlan:
    days = wanted.date_shift or (FIRST_DAYS, LAST_DAYS)
    return RunPlan(
        wanted.key_env,
        _path(wanted.key_file),
        _path(wanted.uid_map),
        wanted.external,
        wanted.date_scope,
        days_told(days) if isinstance(days, str) else days,
        wanted.patient_id,
        wanted.patient_name,
        _path(wanted.id_map),
        wanted.id_map_create,
        TextCleaning(_tokens(wanted.keep_tokens), wanted.clean_text),
    )


def _pixels(wanted: Wanted) -> PixelPlan:
    templates = load_templates(Path(wanted.templates)) if wanted.templates else ()
    boxes = tuple(Box.parse(text) for text in wanted.blank)
    return PixelPlan(
        boxes,
        wanted.us_regions,
        templates,
        wanted.ocr,
        wanted.ocr_text,
        wanted.burned_in,
    )


def _tokens(said: str | Path | Collection[str] | None) -> frozenset[str] | None:
    """Return words in small letters; a file has one a line."""
    if said is None:
        return None
    if not isinstance(said, str | Path):
        return frozenset(word.casefold() for word in said)
    try:
        lines = Path(said).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise UsageError("DEID-TOKENS", f"{Path(said).name} cannot be read as a list of words: {error}") from error
    return frozenset(line.strip().casefold() for line in lines if line.strip() and not line.startswith("#"))


def _path(said: str | Path | None) -> Path | None:
    return Path(said) if said else None
