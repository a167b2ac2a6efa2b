"""Everything that is judged of one instance by itself, one instance after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias, TypeVar

from derive.checking.attributes import ValueChecks, presence_findings, present_modules
from derive.checking.finding import Finding
from derive.checking.instance import Judged
from derive.checking.pixels import ATTRIBUTE_JUDGES as PIXELS
from derive.checking.pixels import value_findings
from derive.checking.plane import JUDGES as PLANE
from derive.checking.references import JUDGES as REFERENCES
from derive.elements.view import Changes, Remembered

Answer = TypeVar("Answer")
Judge: TypeAlias = Callable[[Judged], Iterator[Finding]]

#: What looks at attributes only, and so need not look again where those are the same.
JUDGES: tuple[Judge, ...] = (presence_findings, *PLANE, *PIXELS, *REFERENCES)


class InstanceChecks:
    """Checks instances of one series; what has not changed from one to the next is not judged again."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, bool], _Kind] = {}

    def findings(self, instance: Judged) -> Iterator[Finding]:
        """Judge one instance, apart from its series."""
        kind = (instance.iod.name, instance.encapsulated)
        if kind not in self._kinds:
            self._kinds[kind] = _Kind(instance)
        yield from self._kinds[kind].findings(instance)


class _Kind:
    """Checks instances of one IOD, compressed or not."""

    def __init__(self, first: Judged) -> None:
        self._judges = [_remembered(_all(judge), first) for judge in JUDGES]
        self._modules = _remembered(present_modules, first)
        self._values = ValueChecks()
        self._changes = Changes()

    def findings(self, instance: Judged) -> Iterator[Finding]:
        changed = self._changes.to(instance.elements)
        for judge in self._judges:
            for found in judge(instance.elements, changed):
                yield replace(found, file=instance.name)
        yield from self._values.findings(instance, self._modules(instance.elements, changed), changed)
        yield from value_findings(instance)


def _remembered(judge: Callable[[Judged], Answer], first: Judged) -> Remembered[Answer]:
    iod, encapsulated = first.iod, first.encapsulated
    return Remembered(lambda view: judge(Judged(name="", elements=view, iod=iod, encapsulated=encapsulated)))


def _all(judge: Judge) -> Callable[[Judged], tuple[Finding, ...]]:
    return lambda instance: tuple(judge(instance))
