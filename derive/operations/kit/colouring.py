"""What an operation does to frames in colours: to each sample by itself, or what it has of its own."""

from __future__ import annotations

from typing import cast

from derive.errors import ValuesError
from derive.model.colours import Colours
from derive.model.frames import Volumes
from derive.operations.declaration import Operation
from derive.operations.kit.refusing import refuse_colours


def on_colours(operation: Operation, colours: Colours) -> Colours:
    """Apply an operation to frames in colours.

    Raises
    ------
    ValuesError
        ``OP-COLOUR`` for an operation on what colours are not, values of a quantity, or that puts pixel padding there.
    """
    kind = operation.kind
    refuse_colours(kind.name, taken=kind.takes_colours)
    if kind.of_colours is not None:
        operation.check(colours.first)
        return kind.of_colours(colours, operation.parameters)
    samples = [cast(Volumes, operation.on(sample)) for sample in colours.samples]
    if any(sample.quantity.padded for sample in samples):
        raise ValuesError("OP-COLOUR", f"{kind.name} puts pixel padding there, which colours have none of")
    return Colours(*samples)
