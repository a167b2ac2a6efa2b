"""What the check finds, and the report of a whole check."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal, cast

from derive.told.secrecy import told
from derive.told.wording import counted

SCHEMA = "derive-check/1"
#: So many files of a group are named.
FIRST_FILES = 3
Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or likely to be.

    Parameters
    ----------
    severity : {"error", "warning"}
        Error: the standard is violated, or the image would mislead.
    code : str
        Stable identifier, e.g. ``CHK-TYPE1``; ``checks.tsv`` lists all.
    path : str
        Keywords from the data set to the attribute, joined by ``>``; empty for a file as a whole.
    module : str
        Module that has the rule; empty where the rule is of no module.
    rule : str
        The rule in short, e.g. ``type 1``, ``VR DS``, ``enumerated values``.
    section : str
        Section of the standard, e.g. ``PS3.3 C.7.6.2``.
    message : str
        What was found and what is wanted; never patient data.
    file : str
        File name; of a series its Series Instance UID.
    """

    severity: Severity
    code: str
    path: str
    module: str
    rule: str
    section: str
    message: str
    file: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", told(self.message))

    def __str__(self) -> str:
        where = f"{self.file}: " if self.file else ""
        what = f"{self.path} " if self.path else ""
        return f"{where}{self.severity} {self.code}: {what}{self.message} ({self.rule}, {self.section})"


@dataclass(frozen=True)
class CheckReport:
    """What a check of files found.

    Parameters
    ----------
    findings : tuple of Finding
        Errors first, otherwise in the order of the files.
    files : int
        Files that were looked at.
    series : int
        Series among them.
    """

    findings: tuple[Finding, ...]
    files: int
    series: int

    def ok(self) -> bool:
        """Whether there are no errors."""
        return not self.errors

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are errors."""
        return tuple(f for f in self.findings if f.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are warnings."""
        return tuple(f for f in self.findings if f.severity == "warning")

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "schema": SCHEMA,
            "ok": self.ok(),
            "files": self.files,
            "series": self.series,
            "errors": len(self.errors),
            "warnings": len(self.warnings),
            "findings": [asdict(f) for f in self.findings],
        }


def strictly(report: CheckReport) -> CheckReport:
    """Return a report in which an error is what would be one in a derived series."""
    held = [replace(f, severity="error") if checks()[f.code].made == "error" else f for f in report.findings]
    return replace(report, findings=tuple(sorted(held, key=lambda f: f.severity)))


def folded(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings that differ only by their file as one, which says how many files have it."""
    found: dict[Finding, list[str]] = {}
    for finding in findings:
        found.setdefault(replace(finding, file=""), []).append(finding.file)
    return tuple(replace(finding, file=_names(names)) for finding, names in found.items())


def _names(names: list[str]) -> str:
    more = len(dict.fromkeys(names)) - 1
    return f"{names[0]} and {more} more" if more else names[0]


@dataclass(frozen=True)
class Check:
    """One row of ``checks.tsv``: something that is checked.

    Parameters
    ----------
    code : str
    severity : {"error", "warning"}
    made : {"error", "warning"}
        Severity in a series that was just derived, where what other software may do is a fault.
    module, rule, section : str
        As in a finding.
    what : str
        What is wrong, in one line.
    """

    code: str
    severity: Severity
    made: Severity
    module: str
    rule: str
    section: str
    what: str


@cache
def checks() -> Mapping[str, Check]:
    """Everything that is checked, by code."""
    text = files(__package__).joinpath("checks.tsv").read_text(encoding="utf-8")
    return {
        line["code"]: Check(
            line["code"],
            cast(Severity, line["severity"]),
            cast(Severity, line["made"]),
            line["module"],
            line["rule"],
            line["section"],
            line["what"],
        )
        for line in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    }


def finding(code: str, path: str, message: str, file: str) -> Finding:
    """Return a finding with the severity, the rule and the section of its code."""
    check = checks()[code]
    return Finding(check.severity, code, path, check.module, check.rule, check.section, message, file)


@dataclass(frozen=True)
class Group:
    """Everything that one rule finds.

    Parameters
    ----------
    code : str
        ``checks.tsv`` lists all.
    severity : {"error", "warning"}
    rule, section : str
        As in a finding.
    message : str
        Of the findings if all say the same, with the attribute; else what the code stands for, and the attributes.
    file_count : int
        How many files have it; a series counts as one.
    finding_count : int
    first_files : tuple of str
        In the order in which they were checked, at most three.
    """

    code: str
    severity: Severity
    rule: str
    section: str
    message: str
    file_count: int
    finding_count: int
    first_files: tuple[str, ...]

    def __str__(self) -> str:
        """Return one line."""
        more = self.file_count - len(self.first_files)
        names = ", ".join(self.first_files) + (f" and {more} more" if more else "")
        files = f": {self.file_count} file{'s' * (self.file_count != 1)}: {names}" if self.file_count else ""
        often = f" ({counted(self.finding_count, 'finding')})" if self.finding_count > max(1, self.file_count) else ""
        return f"{self.severity} {self.code}: {self.message} ({self.rule}, {self.section}){files}{often}"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return asdict(self)


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Group findings by rule: code, severity, rule and section.

    Returns
    -------
    list of Group
        Errors first, then what concerns the most files; otherwise in the order of the findings.

    Examples
    --------
    >>> findings = [finding("CHK-TYPE1", "Rows", "has no value", f"{k}.dcm") for k in range(7)]
    >>> print(grouped(findings)[0])
    error CHK-TYPE1: Rows has no value (type 1, PS3.5 7.4.1): 7 files: 0.dcm, 1.dcm, 2.dcm and 4 more
    """
    found: dict[tuple[str, Severity, str, str], list[Finding]] = {}
    for each in findings:
        found.setdefault((each.code, each.severity, each.rule, each.section), []).append(each)
    groups = [_group(*key, members) for key, members in found.items()]
    return sorted(groups, key=lambda g: (g.severity != "error", -g.file_count))


def _group(code: str, severity: Severity, rule: str, section: str, findings: list[Finding]) -> Group:
    names = tuple(dict.fromkeys(f.file for f in findings if f.file))
    message = _message(code, findings)
    return Group(code, severity, rule, section, message, len(names), len(findings), names[:FIRST_FILES])


def _message(code: str, findings: list[Finding]) -> str:
    said = dict.fromkeys(f"{f.path} {f.message}" if f.path else f.message for f in findings)
    if len(said) == 1:
        return next(iter(said))
    what = checks()[code].what if code in checks() else findings[0].message
    paths = list(dict.fromkeys(f.path for f in findings if f.path))
    more = f" and {len(paths) - FIRST_FILES} more" if len(paths) > FIRST_FILES else ""
    return f"{what}: {', '.join(paths[:FIRST_FILES])}{more}" if paths else what
