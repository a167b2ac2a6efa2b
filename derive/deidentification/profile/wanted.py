"""What a caller wants of a run, settled and refused before any file is read."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from derive.deidentification.configs.config import Configuration
from derive.deidentification.configs.read import read_config
from derive.deidentification.configs.rules import rule_of
from derive.deidentification.line.layout import LAYOUTS, checked_layout
from derive.deidentification.methods.registry import checked_rule
from derive.deidentification.pixels.box import Box
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.profile.profile import BASIC, Profile, profile_of
from derive.deidentification.profile.rule import Rule
from derive.deidentification.run.dates import days_told
from derive.deidentification.run.run import Run, RunPlan, run_of
from derive.deidentification.templates.read import load_templates
from derive.deidentification.text.cleaning import read_tokens, tokens_in
from derive.errors import UsageError
from derive.told.wording import did_you_mean, flag

#: What becomes of an object that cannot be made safe by a table.
CHOICES = ("refuse", "skip", "keep")
_TEXT_CLEANER = "cleanDescriptors"


@dataclass(frozen=True)
class Wanted:
    """What a caller can say of a run.

    Parameters
    ----------
    config : path, optional
        Configuration of a site, or of another tool, as :func:`derive.deidentification.configs.read.read_config` reads
        it. What is said beside it stands over it.
    profile : str or Profile
        A base with its options, as :func:`derive.deidentification.profile.profile.profile_of` reads it; empty for the
        Basic Profile, or that of the configuration.
    retain, clean : iterable of str
        Options of PS3.15 E.3 by name.
    rules : iterable of Rule, or of mappings
        They come before the profile; the first that matches holds. A mapping has ``tag``, ``method``, perhaps ``why``,
        and settings of the method.
    edition : str
        Of Table E.1-1; empty for the newest.
    key : str or bytes, optional
        Of which new UIDs, shifts and names follow; without one they are of this run only.
    key_env, key_file, uid_map, external, date_scope, patient_id, patient_name, id_map, id_map_create
        As in :class:`derive.deidentification.run.run.RunPlan`.
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
    review : path, optional
        File that lists the free text that is kept, each text once, for a person to look at: it holds values.
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

    config: str | Path | None = None
    profile: str | Profile = ""
    retain: Iterable[str] = ()
    clean: Iterable[str] = ()
    rules: Iterable[Rule] = ()
    edition: str = ""
    key: str | bytes | None = field(default=None, repr=False)
    key_env: str = ""
    key_file: str | Path | None = None
    uid_map: str | Path | None = None
    external: str = ""
    date_scope: str = ""
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
    ocr_text: str = ""
    burned_in: str = ""
    review: str | Path | None = None
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
    notes : tuple of str
        What of a configuration is not followed, or done otherwise, and how text is cleaned; for the report.
    """

    wanted: Wanted
    profile: Profile
    run: Run
    pixels: PixelPlan
    notes: tuple[str, ...] = ()

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
    return Wanted(**{**said, "rules": tuple(_rules(said.get("rules", ())))})


def _rules(said: Iterable[Rule | Mapping[str, Any]]) -> Iterator[Rule]:
    for number, rule in enumerate([said] if isinstance(said, str | Mapping) else said, 1):
        if not isinstance(rule, Rule | Mapping):
            wanted = "a Rule, or a table such as {'tag': 'PatientID', 'method': 'cryptoHash'}"
            raise UsageError("DEID-CONFIG", f"rule {number} of rules= is no rule; wanted {wanted}")
        if isinstance(rule, Rule):
            yield rule_of(rule.address, rule.method, rule.settings, rule.told, rule.why)
            continue
        table = dict(rule)
        tag, method, why = (str(table.pop(name, "")) for name in ("tag", "method", "why"))
        yield rule_of(tag, method, table, f"rule {number}", why)


def profile_wanted(wanted: Wanted) -> Profile:
    """Return the profile alone, of a configuration with what is said over it.

    Raises
    ------
    UsageError
        For anything of it that cannot be.
    """
    config = read_config(wanted.config) if wanted.config else Configuration()
    return _in_force(wanted, config.profile, _pixels(wanted, config.pixels))


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
    if wanted.dicomdir and (wanted.layout != LAYOUTS[0] or wanted.resume):
        text = f"{flag('dicomdir')} names folders by numbers: no {flag('layout', 'flat')} and no {flag('resume')}"
        raise UsageError("DEID-LAYOUT", text)
    if wanted.resume and wanted.overwrite:
        text = f"{flag('resume')} keeps what is there, {flag('overwrite')} replaces it: give one"
        raise UsageError("DEID-RESUME", text)
    config = read_config(wanted.config) if wanted.config else Configuration()
    pixels, plan = _pixels(wanted, config.pixels), _plan(wanted, config.plan)
    profile = _in_force(wanted, config.profile, pixels)
    pixels = pixels.of_option() if profile.has("pixels") else pixels
    has_key = wanted.key or wanted.key_env or wanted.key_file
    run = run_of(profile, wanted.key if has_key else config.key, plan)
    ready = Settled(wanted, profile, run, pixels, (*config.notes, *_told(profile, run)))
    if wanted.resume and not ready.is_consistent:
        how = f"give both runs {flag('key_env', 'NAME')} or {flag('uid_map', 'FILE')}"
        text = f"without a key new UIDs are of one run only, and none can go on with another; {how}"
        raise UsageError("DEID-RESUME", text)
    return ready


def _in_force(wanted: Wanted, standing: Profile, pixels: PixelPlan) -> Profile:
    """Return the profile; whoever blanks cleans pixels."""
    profile = _profile(wanted, standing)
    return profile.with_options(["pixels"]) if pixels.blanks else profile


def _profile(wanted: Wanted, standing: Profile) -> Profile:
    """Return the profile of a configuration with what is said over it."""
    if isinstance(wanted.profile, Profile):
        if wanted.retain or wanted.clean or wanted.rules or wanted.edition or wanted.config:
            text = "a Profile says its options, rules and edition itself; give its name instead"
            raise UsageError("DEID-PROFILE", text)
        return replace(wanted.profile, rules=tuple(map(checked_rule, wanted.profile.rules)))
    said = profile_of(wanted.profile or BASIC, wanted.retain, wanted.clean, edition=wanted.edition)
    named: dict[str, Any] = {"base": said.base, "dialect": said.dialect} if wanted.profile else {}
    edition: dict[str, Any] = {"edition": said.edition} if wanted.edition else {}
    rules = (*wanted.rules, *standing.rules)
    return replace(standing, rules=rules, **named, **edition).with_options(said.options)


def _plan(wanted: Wanted, standing: RunPlan) -> RunPlan:
    """Return what a configuration says of keys, maps, names and texts with what is said over it."""
    days, tokens = wanted.date_shift, _tokens(wanted.keep_tokens)
    text: dict[str, Any] = {"keep_tokens": tokens, "by": wanted.clean_text}
    said: dict[str, Any] = {
        "dry_run": wanted.dry_run,
        "external": wanted.external,
        "date_scope": wanted.date_scope,
        "date_shift": days_told(days) if isinstance(days, str) else days,
        "uid_map": _path(wanted.uid_map),
        "patient_id": wanted.patient_id,
        "patient_name": wanted.patient_name,
        "id_map": _path(wanted.id_map),
        "id_map_create": wanted.id_map_create,
        "text": replace(standing.text, **{k: v for k, v in text.items() if v is not None}),
    }
    if wanted.key or wanted.key_env or wanted.key_file:  # whoever says where the key is means no other
        standing = replace(standing, key_env=wanted.key_env, key_file=_path(wanted.key_file))
    if wanted.patient_id or wanted.patient_name:
        standing = replace(standing, id_map=None, id_map_create=False)
    return replace(standing, **{name: value for name, value in said.items() if value})


def _pixels(wanted: Wanted, standing: PixelPlan) -> PixelPlan:
    """Return what a configuration says of pixels with what is said over it."""
    said: dict[str, Any] = {
        "boxes": tuple(Box.parse(text) for text in wanted.blank),
        "templates": load_templates(Path(wanted.templates)) if wanted.templates else (),
        "us_regions": wanted.us_regions,
        "ocr": wanted.ocr,
        "ocr_text": wanted.ocr_text,
        "burned_in": wanted.burned_in,
    }
    return replace(standing, **{name: value for name, value in said.items() if value})


def _told(profile: Profile, run: Run) -> Iterator[str]:
    """Say how free text is cleaned, by which names of others can have been found or not; and what rules keep."""
    if any(option.cleaner == _TEXT_CLEANER for option in profile.columns):
        yield f"free text is cleaned by {run.text.told}"
    if profile.is_confidential and (kept := sum(rule.method == "keep" for rule in profile.rules)):
        what = "a rule keeps what it names" if kept == 1 else f"{kept} rules keep what they name"
        yield f"{what}, whatever the profile says of it: what is claimed is claimed of the rest"


def _tokens(said: str | Path | Collection[str] | None) -> frozenset[str] | None:
    """Return words as they are compared."""
    if said is None:
        return None
    return read_tokens(Path(said)) if isinstance(said, str | Path) else tokens_in(said)


def _path(said: str | Path | None) -> Path | None:
    return Path(said) if said else None
