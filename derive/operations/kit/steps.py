"""What a caller gives as steps, bound: operations, kinds of them, and functions of the caller's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any, NamedTuple, TypeAlias

from derive.errors import UsageError
from derive.model.algorithm import Algorithm
from derive.model.colours import Colours
from derive.model.derivation import Derivation
from derive.model.frames import Volumes
from derive.model.source import Sources, SourceSeries
from derive.model.stacking import coloured, in_colours, stacked
from derive.model.views import Views
from derive.operations.declaration import Operation, OperationKind
from derive.operations.kit.colouring import on_colours
from derive.operations.kit.joining import join
from derive.operations.kit.refusing import refuse_colours, refuse_views
from derive.operations.own_function import apply

Step: TypeAlias = Operation | OperationKind[...] | Callable[..., Any]


class Own(NamedTuple):
    """What is said of steps that are functions of one's own."""

    code: str | None
    description: str | None
    algorithm: Algorithm | None


def bound(steps: Sequence[Step], own: Own) -> list[Operation]:
    """Bind operations that were given no parameters, and plain functions to what is said of them.

    Raises
    ------
    UsageError
        ``OP-NONE``, ``OP-STEP``, ``OP-CODE``.
    """
    if not steps:
        raise UsageError("OP-NONE", "no step was given; a derived series needs at least one")
    found = [step() if isinstance(step, OperationKind) else step for step in steps]
    plain = [step for step in found if not isinstance(step, Operation)]
    for step in plain:
        _check_own(step, own.code)
    if any(own) and not plain:
        raise UsageError("OP-CODE", "code, description and algorithm go with a step that is a function of one's own")
    return [s if isinstance(s, Operation) else apply(function=s, **own._asdict()) for s in found]


def makes_colours(operations: Sequence[Operation]) -> bool:
    """Whether any step makes colours of values."""
    return any(each.kind.makes_colours for each in operations)


def several(operations: Sequence[Operation]) -> Iterator[list[Operation]]:
    """Yield the operations of each series that is made: of one, unless any of them makes another one beside it."""
    choices = [
        [replace(each, parameters=said) for said in (each.kind.beside or _alone)(each.parameters)] or [each]
        for each in operations
    ]
    yield from map(list, product(*choices))


def _alone(_: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return ()


def _check_own(step: object, code: str | None) -> None:
    """Refuse what is no step, and a function of one's own of which nobody said what it does."""
    if not callable(step):
        raise UsageError("OP-STEP", f"{type(step).__name__} is no step; wanted an operation of derive, or a function")
    if not code:
        name = getattr(step, "__qualname__", type(step).__qualname__)
        raise UsageError(
            "OP-CODE",
            f"{name} is a function of one's own and needs a code, as in code='Smoothing': one of CID 7203, which "
            "derive codes lists, or 99SCHEME:VALUE:Meaning",
        )


def planned(
    source: SourceSeries, operations: Sequence[Operation]
) -> tuple[Sources, Volumes | Views | Colours, Derivation]:
    """Plan steps, one after the other: what they come from, what comes out, and the record of it.

    Raises
    ------
    UsageError
        ``OP-VIEWS`` for a step behind one that made views.
    ValuesError
        ``OP-COLOUR`` for a step that takes no colours.
    """
    refuse_behind_loss(operations)
    uneven = bool(operations) and operations[0].takes(source.geometry)
    if in_colours(source):
        return _of_colours(source, operations, uneven)
    volumes: Volumes | Views | Colours = replace(stacked(source, uneven=uneven), source=source)
    derivation, sources = Derivation(), Sources(source)
    for place, each in enumerate(operations):
        if isinstance(volumes, Colours):
            colours, later = _on_colours(volumes, operations[place:])
            return sources, colours, Derivation((*derivation.steps, *later.steps))
        if isinstance(volumes, Views):
            refuse_views(each.kind.name)
        sources, operation = join(each.settled(volumes), sources, volumes)
        results = operation.on(volumes)
        if len(operations) > 1 and not each.kind.encodes and [*map(id, results.volumes)] == [*map(id, volumes.volumes)]:
            continue  # nothing was done, and nothing is recorded: a stack that was regular before it was rectified
        derivation = derivation.then(operation.step(volumes.first, results.first))
        volumes = results
    return sources, volumes, derivation


def refuse_behind_loss(operations: Sequence[Operation]) -> None:
    """Refuse a step behind one that compresses with loss, or two of these: nothing would be left of it in the end.

    Raises
    ------
    UsageError
        ``OP-LAST``
    """
    for each in operations[:-1]:
        if each.kind.encodes is not None:
            raise UsageError("OP-LAST", f"{each.kind.name} is the last step: it says how what is made is encoded")


def _of_colours(
    source: SourceSeries, operations: Sequence[Operation], uneven: bool
) -> tuple[Sources, Colours, Derivation]:
    colours, derivation = _on_colours(coloured(source, uneven=uneven), operations)
    return Sources(source), colours, derivation


def _on_colours(colours: Colours, operations: Sequence[Operation]) -> tuple[Colours, Derivation]:
    """Plan steps on colours; what follows from values is found in the lightest of the three."""
    derivation = Derivation()
    for each in operations:
        refuse_colours(each.kind.name, taken=each.kind.takes_colours)
        operation = each.settled(colours.lightest)
        result = on_colours(operation, colours)
        derivation = derivation.then(operation.step(colours.first, result.first))
        colours = result
    return colours, derivation
