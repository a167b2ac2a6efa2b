"""Findings by rule: one line a rule, with how many files it concerns.

>>> from derive.checking.finding import finding
>>> findings = [finding("CHK-TYPE1", "Rows", "has no value", f"{k}.dcm") for k in range(7)]
>>> print(grouped(findings)[0])
error CHK-TYPE1: Rows has no value (type 1, PS3.5 7.4.1): 7 files: 0.dcm, 1.dcm, 2.dcm and 4 more
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from derive.checking.finding import Finding, Severity, checks

#: So many files are named.
FIRST_FILES = 3


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
        often = f" ({self.finding_count} findings)" if self.finding_count > max(1, self.file_count) else ""
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
