"""A plan: which series become what, and where results go; refused as a whole before anything runs.

::

    [[rule]]                                   # the first that matches; several where one says continue = true
    name = "chest"                             # for reports; "rule 1" without
    select = { Modality = "CT", SliceThickness = "<=1.5", SeriesDescription = "*CHEST*", ImageType = "!LOCALIZER" }
    steps = ["resample(spacing_mm=1)", "gaussian_blur(sigma_mm=1)"]
    options = { series_description = "1 mm smooth", uids = "reproducible" }
    read = { stack = 1, assume = { Units = "BQML" } }
    deidentify = "site.toml"                   # or a profile: "basic+device-identity"

    [output]
    layout = "{PatientID}/{StudyInstanceUID}/{SeriesNumber:04d}"
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from derive.authoring.options import Options, options_of
from derive.deidentification.derived import wanted_options
from derive.deidentification.profile.wanted import settled, wanted_of
from derive.errors import DeriveError, UsageError
from derive.many.criteria import Selector, keywords_of, selectors_of
from derive.many.layout import ResultLayout
from derive.many.steps import operations_of
from derive.operations import Operation
from derive.reading.assumed import checked_assumptions
from derive.reading.choice import choice_of
from derive.told.wording import did_you_mean
from derive.version import VERSION

_KEYS = ("rule", "output")
_RULE_KEYS = ("name", "select", "steps", "options", "read", "deidentify", "continue")
_READ_KEYS = ("stack", "volumes", "where", "frames", "assume")
_OUTPUT_KEYS = ("layout",)
#: What of de-identification is settled by a plan, and no rule says.
_SETTLED = frozenset({"layout", "overwrite", "resume", "dry_run", "dicomdir", "review", "verify", "jobs", "clean_text"})


@dataclass(frozen=True)
class SeriesRule:
    """What becomes of the series that it selects: a ``[[rule]]`` of a plan.

    Parameters
    ----------
    name : str
        Unique in its plan.
    select : mapping keyword -> pattern, or several
        See :mod:`derive.many.criteria`.
    steps : tuple of str
        As results record themselves.
    options : mapping
        Of the new series, as :class:`derive.authoring.options.Options` has them; ``derive.toml`` is in it already.
    deidentify : mapping, optional
        As :class:`derive.deidentification.profile.wanted.Wanted` has it; None where results keep their names.
    goes_on : bool
        Whether rules behind it are looked at too (``continue = true``).
    read : mapping
        What :func:`derive.read` is told: ``stack``, ``volumes``, ``where``, ``frames``, ``assume``.
    """

    name: str
    select: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    deidentify: Mapping[str, Any] | None = field(default=None, repr=False)
    goes_on: bool = False
    read: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def selectors(self) -> tuple[Selector, ...]:
        """What it selects."""
        return selectors_of(self.select, self.name)

    @cached_property
    def operations(self) -> tuple[Operation, ...]:
        """Its steps, bound."""
        return operations_of(self.steps, self.name)

    @property
    def series_options(self) -> Options:
        """What it says of the new series."""
        return Options(**self.options)

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to other processes as it was said: operations are bound there."""
        kept = ("name", "select", "steps", "options", "deidentify", "goes_on", "read")
        return SeriesRule, tuple(getattr(self, name) for name in kept)

    @cached_property
    def digest(self) -> str:
        """What its results follow from beside their source: steps, options, reading, de-identification, version."""
        said = {
            "steps": [str(operation) for operation in self.operations],
            "options": asdict(self.series_options),
            "read": dict(self.read),
            "deidentify": self._deidentified_by(),
            "version": VERSION,
        }
        text = json.dumps(said, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _deidentified_by(self) -> Any:
        if self.deidentify is None:
            return None
        files = [Path(v) for v in self.deidentify.values() if isinstance(v, str) and Path(v).is_file()]
        return [dict(self.deidentify), [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]]


@dataclass(frozen=True)
class Plan:
    """Rules, and where their results go.

    Parameters
    ----------
    rules : tuple of SeriesRule
    layout : ResultLayout
    """

    rules: tuple[SeriesRule, ...]
    layout: ResultLayout = field(default_factory=ResultLayout)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a plan; what it names is looked for beside it.

        Raises
        ------
        UsageError
            ``PLAN-READ`` for a file that is no TOML, and as :meth:`of`.
        """
        file = Path(path)
        try:
            said = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError("PLAN-READ", f"{file.name} cannot be read as a plan: {reason}") from error
        return cls.of(said, where=file.name, folder=file.parent)

    @classmethod
    def of(cls, said: Mapping[str, Any], *, where: str = "the plan", folder: Path | None = None) -> Self:
        """Check what a plan says, all of it.

        Parameters
        ----------
        said : mapping
            As TOML has it.
        where : str
            What the plan is called in messages.
        folder : Path, optional
            Where configurations are that it names; the current folder without.

        Raises
        ------
        UsageError
            ``PLAN-KEY``, ``PLAN-RULE``, ``PLAN-SELECT``, ``PLAN-STEP``, ``PLAN-OPTION``, ``PLAN-LAYOUT``,
            ``PLAN-DEIDENTIFY``; the codes of what a step, an option or a profile refuses.
        """
        _check_keys(said, _KEYS, where)
        tables = said.get("rule", ())
        if not isinstance(tables, list | tuple) or not tables:
            raise UsageError("PLAN-RULE", f"{where} has no rule; wanted [[rule]] with steps, and select")
        rules = tuple(_rule(table, n, where, folder or Path()) for n, table in enumerate(tables, 1))
        names = [rule.name for rule in rules]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UsageError("PLAN-RULE", f"{where}: two rules are called {twice!r:.80}; reports tell them by name")
        output = _table(said.get("output", {}), f"{where}: [output]")
        _check_keys(output, _OUTPUT_KEYS, f"{where}: [output]")
        layout = ResultLayout.checked(str(output.get("layout", ResultLayout().text)), where)
        return cls(rules, layout)

    @cached_property
    def keywords(self) -> frozenset[str]:
        """The attributes that it asks of series."""
        return self.layout.keywords | keywords_of(c for rule in self.rules for c in rule.selectors)

    def key(self, rule: SeriesRule) -> str:
        """Return what a result of a rule follows from, and where it lies, as a digest."""
        return hashlib.sha256(f"{rule.digest} {self.layout.text}".encode()).hexdigest()


def _rule(said: Any, number: int, where: str, folder: Path) -> SeriesRule:
    table = _table(said, f"{where}: rule {number}")
    name = table.get("name", f"rule {number}")
    if not isinstance(name, str) or not name.strip() or len(name) > 64 or not name.isprintable():
        raise UsageError("PLAN-RULE", f"{where}: rule {number} has no name that can be shown, of 1 to 64 characters")
    at = f"{where}: {name}" if name == f"rule {number}" else f"{where}: rule {number} ({name})"
    _check_keys(table, _RULE_KEYS, at)
    if not isinstance(table.get("continue", False), bool):
        raise UsageError("PLAN-RULE", f"{at}: continue is true or false")
    select, read = _table(table.get("select", {}), f"{at}: select"), _read(table.get("read", {}), at)
    selectors_of(select, at)
    operations_of(table.get("steps"), at)
    return SeriesRule(
        name,
        dict(select),
        tuple(table["steps"]),
        _options(_table(table.get("options", {}), f"{at}: options"), at),
        _deidentified(table.get("deidentify"), at, folder),
        table.get("continue", False),
        read,
    )


def _options(said: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return options with what ``derive.toml`` says here: a worker elsewhere may have another one."""
    try:
        settled_here = options_of(said)
    except DeriveError as error:
        raise UsageError(error.code, f"{where}: {error.message}") from error
    except (TypeError, ValueError, AttributeError):
        raise UsageError("PLAN-OPTION", f"{where}: an option has a value of another kind than it takes") from None
    moment = settled_here.timestamp
    if moment is not None and not hasattr(moment, "hour"):
        raise UsageError("PLAN-OPTION", f"{where}: timestamp is a date and a time, such as 2026-11-21T09:30:00")
    if not isinstance(settled_here.set, Mapping) or not all(isinstance(v, str) for v in settled_here.set.values()):
        raise UsageError("PLAN-OPTION", f'{where}: set holds Keyword = "text"')
    more = {"uid_prefix": settled_here.uid_prefix, "set": dict(settled_here.set)}
    return {**said, **{name: value for name, value in more.items() if value}}


def _read(said: Any, where: str) -> dict[str, Any]:
    table = _table(said, f"{where}: read")
    _check_keys(table, _READ_KEYS, f"{where}: read")
    try:
        checked_assumptions(_table(table.get("assume", {}), f"{where}: assume"))
        choice_of({k: v for k, v in table.items() if k != "assume"})  # type: ignore[arg-type]  # its keys are checked
    except DeriveError as error:
        raise UsageError(error.code, f"{where}: read: {error.message}") from error
    return dict(table)


def _deidentified(said: Any, where: str, folder: Path) -> dict[str, Any] | None:
    """Return options of de-identification that give a patient one new name, whichever series comes first."""
    if said is None:
        return None
    wanted: dict[str, Any]
    if isinstance(said, str):
        is_file = "/" in said or "." in said
        wanted = {"config": said} if is_file else {"profile": said}
    else:
        wanted = dict(_table(said, f"{where}: deidentify"))
    if unfit := sorted(_SETTLED & wanted.keys()):
        raise UsageError("PLAN-DEIDENTIFY", f"{where}: {unfit[0]} is settled by the plan; leave it out of deidentify")
    if "key" in wanted:
        raise UsageError("PLAN-DEIDENTIFY", f"{where}: a plan holds no key; name key_env or key_file in deidentify")
    for name in ("config", "key_file", "uid_map", "id_map", "templates"):
        if name in wanted:
            wanted[name] = str((folder / str(wanted[name])).resolve())
    wanted = wanted_options(wanted.pop("profile", ""), **wanted)
    try:
        run = settled(wanted_of(wanted))
    except DeriveError as error:
        raise UsageError(error.code, f"{where}: deidentify: {error.message}") from error
    run.run.uids.close()
    if not run.is_consistent:
        why = "each series is made for itself, and without a key no two would be of one patient"
        raise UsageError("PLAN-DEIDENTIFY", f"{where}: {why}; name key_env or key_file in deidentify or derive.toml")
    return wanted


def _table(said: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(said, Mapping):
        raise UsageError("PLAN-KEY", f"{where} is {type(said).__name__}; wanted a table")
    return said


def _check_keys(said: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    unknown = [str(key) for key in said if key not in known]
    if unknown:
        hint = did_you_mean(unknown[0], known)
        raise UsageError("PLAN-KEY", f"{where}: {unknown[0]!r:.80} is not known{hint}; there are {', '.join(known)}")
