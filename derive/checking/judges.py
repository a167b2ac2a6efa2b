"""Everything that is judged of one instance by itself, one instance after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache

from derive.checking import beside, mapping, pixels, plane, references
from derive.checking.attributes import presence_judges, value_judges
from derive.checking.finding import Finding
from derive.checking.instance import Judged
from derive.checking.judge import Judge
from derive.elements.element import Element
from derive.elements.instance import changed
from derive.standard import Iod


class InstanceChecks:
    """Checks instances of one series; a judge is asked again where what it reads differs from the instance before."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, bool], InTurn] = {}

    def findings(self, instance: Judged) -> Iterator[Finding]:
        """Judge one instance, apart from its series."""
        kind = instance.iod.name, instance.encapsulated
        if kind not in self._kinds:
            self._kinds[kind] = InTurn(judges_of(instance.iod), by_modules=True)
        yield from self._kinds[kind].findings(instance)


class InTurn:
    """Asks judges of instances, or of frames, of one kind; each again where what it reads differs.

    Parameters
    ----------
    judges : tuple of Judge
    by_modules : bool
        Whether they depend on which modules are there.
    """

    def __init__(self, judges: tuple[Judge, ...], *, by_modules: bool = False) -> None:
        self._judges = judges
        self._by_modules = by_modules
        self._touched_by = _touched_by(judges)
        self._always = frozenset(i for i, judge in enumerate(self._judges) if judge.reads is None)
        self._elements: Mapping[int, Element] = {}
        self._context: tuple[object, ...] | None = None
        self._found: dict[int, tuple[Finding, ...]] = {}

    def findings(self, instance: Judged) -> Iterator[Finding]:
        """Judge one instance or frame."""
        for index in self._touched(instance):
            self._found.pop(index, None)
            if found := tuple(self._judges[index].findings(instance)):
                self._found[index] = found
        for index in sorted(self._found):
            yield from (replace(f, file=instance.name) for f in self._found[index])

    def _touched(self, instance: Judged) -> frozenset[int]:
        """Which judges could find something else than in the instance before."""
        before, self._elements = self._elements, dict(instance.elements)
        context, self._context = self._context, (instance.encodings, instance.modules if self._by_modules else None)
        if context != self._context:
            return frozenset(range(len(self._judges)))
        none: frozenset[int] = frozenset()
        return self._always.union(*(self._touched_by.get(tag, none) for tag in changed(before, self._elements)))


@cache
def judges_of(iod: Iod) -> tuple[Judge, ...]:
    """Return everything that judges an instance of an IOD, in the order of its findings."""
    kinds = (plane, pixels, mapping, beside, references)
    return (*presence_judges(iod), *(judge for kind in kinds for judge in kind.JUDGES), *value_judges(iod))


@cache
def _touched_by(judges: tuple[Judge, ...]) -> Mapping[int, frozenset[int]]:
    """Of each tag, which judges read it."""
    found: dict[int, set[int]] = {}
    for index, judge in enumerate(judges):
        for tag in judge.reads or ():
            found.setdefault(tag, set()).add(index)
    return {tag: frozenset(indices) for tag, indices in found.items()}
