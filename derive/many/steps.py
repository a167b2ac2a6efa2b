"""Steps of a plan: texts in the form in which results record themselves, made operations; nothing is evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from derive.errors import DeriveError, UsageError
from derive.operations import REGISTRY, Operation
from derive.operations.declaration import FOUND, CurvePoints, Function, Grid, OperationKind, Registration
from derive.records.steps import call_of
from derive.told.wording import did_you_mean

#: What a parameter is that a plan cannot say: it is of one patient, and a plan is for all.
_OF_ONE = {Grid: "the grid of another series", Registration: "a registration", CurvePoints: "points of a curve"}
_FORM = "wanted a call as results record it, such as 'resample(spacing_mm=1)'"


def operations_of(steps: Any, where: str) -> tuple[Operation, ...]:
    """Read steps.

    Parameters
    ----------
    steps : sequence of str
    where : str
        What they are part of, for messages.

    Raises
    ------
    UsageError
        ``PLAN-STEP`` for what is no call of an operation with literals, or takes what a plan cannot say;
        ``OP-...`` for parameters that the operation does not take.
    """
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        raise UsageError("PLAN-STEP", f"{where}: steps is a list of one or more texts; {_FORM}")
    return tuple(_operation(step, f"{where}: step {number}") for number, step in enumerate(steps, 1))


def _operation(step: Any, where: str) -> Operation:
    call = call_of(step.strip()) if isinstance(step, str) else None
    if call is None:
        raise UsageError("PLAN-STEP", f"{where} is {str(step)!r:.80}; {_FORM}")
    kind = REGISTRY.get(call.name)
    if kind is None:
        hint = did_you_mean(call.name, REGISTRY)
        raise UsageError("PLAN-STEP", f"{where}: there is no operation {call.name!r:.80}{hint}")
    if call.unreadable:
        what = ", ".join(call.unreadable)
        raise UsageError("PLAN-STEP", f"{where}: {what} of {kind.name} is no number, text, or tuple of these")
    given = {k: v for k, v in call.parameters.items() if k != FOUND}  # of a record that is copied
    _refuse_of_one(kind, given, where)
    try:
        return kind(**given)
    except DeriveError as error:
        raise UsageError(error.code, f"{where}: {error.message}") from error


def _refuse_of_one(kind: OperationKind[...], given: Any, where: str) -> None:
    """Refuse what differs from patient to patient; a function of one's own is the same for all."""
    needed = [name for name in kind.others if kind.signature.parameters[name].default is not None or name in given]
    if needed:
        text = f"{kind.name} takes other series, and a plan knows of one"
        raise UsageError("PLAN-STEP", f"{where}: {text}; derive those pairs one by one")
    for annotation, what in _OF_ONE.items():
        if said := [name for name in kind.taking(annotation) if name in given or _is_needed(kind, name)]:
            text = f"{said[0]} of {kind.name} is {what}, which is of one patient"
            raise UsageError("PLAN-STEP", f"{where}: {text}; derive those series one by one")
    for name in kind.taking(Function):
        if not isinstance(given.get(name, ""), str):
            raise UsageError("PLAN-STEP", f"{where}: {name} is where to import it from, 'package.module:name'")


def _is_needed(kind: OperationKind[...], name: str) -> bool:
    parameter = kind.signature.parameters[name]
    return parameter.default is parameter.empty
