"""A judge: what looks at one instance, and which attributes it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from derive.checking.finding import Finding
from derive.checking.instance import Judged
from derive.elements.element import tag_of

Judging = Callable[[Judged], Iterator[Finding]]


@dataclass(frozen=True)
class Judge:
    """Something that is judged of one instance by itself.

    Parameters
    ----------
    findings : callable (Judged) -> iterator of Finding
    reads : frozenset of int, optional
        Tags that it reads, apart from what says which modules are there and in what character set: where these
        say the same, it finds the same. None for a judge of whatever is there, which is asked every time.
    """

    findings: Judging
    reads: frozenset[int] | None


def reads(*keywords: str) -> Callable[[Judging], Judge]:
    """Declare what a judge reads."""
    return lambda findings: Judge(findings, frozenset(map(tag_of, keywords)))


def reads_anything(findings: Judging) -> Judge:
    """Declare that a judge reads whatever is there."""
    return Judge(findings, None)
