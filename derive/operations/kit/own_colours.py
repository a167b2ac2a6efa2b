"""A function of the user's that takes frames in colours, and gives such."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.errors import UsageError, ValuesError
from derive.model.colours import Colours, PullColours
from derive.model.derivation import Typed
from derive.model.reference import FrameRef
from derive.model.volume import Volume
from derive.operations.kit.coding import derivation_code
from derive.operations.kit.functions import UserFunction, user_function


def applied(colours: Colours, given: Mapping[str, Any]) -> Colours:
    """Apply a function to the slices of each volume: (slices, rows, columns, 3) uint8, red, green and blue.

    It returns the same, of the same shape and type; all else is as `apply` has it.

    Parameters
    ----------
    colours : Colours
    given : mapping
        Parameters of `apply`.

    Raises
    ------
    UsageError
        ``OP-FUNCTION`` for a function that takes something else than an array, ``OP-HALO``, ``OP-CODE``; ``OP-UNITS``
        for units, which colours have none of.
    ValuesError
        ``OP-FUNCTION``, ``OP-RESULT``, ``OP-SHAPE``.
    """
    derivation_code(str(given["code"]))
    arguments = {k: v.value if isinstance(v, Typed) else v for k, v in (given.get("parameters") or {}).items()}
    called, halo = user_function(given["function"], arguments), given.get("halo_slices")
    if called.takes != "array":
        raise UsageError("OP-FUNCTION", f"{called.name} takes {called.takes}, and colours are given as an array")
    if given.get("units"):
        raise UsageError("OP-UNITS", "units are said of values, and colours have none; leave them out")
    if halo is not None and (not isinstance(halo, int) or halo < 0):
        raise UsageError("OP-HALO", f"halo_slices {halo!r}; wanted a whole number, 0 or more")
    like, pulls = [], []
    for volume, alone in zip(colours.red.volumes, colours.alone, strict=True):
        reach = _reach(volume.count, halo)
        like.append(replace(volume, contributors=partial(_contributors, volume, reach)))
        pulls.append(_pull(alone, called, None if halo is None else reach))
    return Colours.of(replace(colours.red, volumes=tuple(like)), pulls)


#: Which slices the function looks at for some: (first, last) -> (first, last).
_Reach = Callable[[int, int], tuple[int, int]]


def _reach(count: int, halo: int | None) -> _Reach:
    beyond = count if halo is None else halo
    return lambda first, last: (max(0, first - beyond), min(count, last + beyond))


def _contributors(volume: Volume, reach: _Reach, index: int) -> tuple[FrameRef, ...]:
    return volume.contributors_of(range(*reach(index, index + 1)))


def _pull(alone: Colours, called: UserFunction, reach: _Reach | None) -> PullColours:
    """Return what calls the function: for a few slices at a time, or once for all of them at first need."""
    if reach is None:

        @cache
        def whole() -> NDArray[np.uint8]:
            return _called(called, alone.slab(0, alone.count))

        return lambda first, last: whole()[first:last]

    def pull(first: int, last: int) -> NDArray[np.uint8]:
        start, stop = reach(first, last)
        return _called(called, alone.slab(start, stop))[first - start : last - start]

    return pull


def _called(called: UserFunction, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shape = values.shape
    result: Any = called(values)
    if not isinstance(result, np.ndarray):
        raise ValuesError("OP-RESULT", f"{called.name} returned {type(result).__name__}; wanted an ndarray")
    if result.shape != shape:
        raise ValuesError("OP-SHAPE", f"{called.name} returned shape {result.shape}; wanted {shape}")
    if result.dtype != np.uint8:
        raise ValuesError(
            "OP-RESULT",
            f"{called.name} returned {result.dtype}, and a colour has 8 bits a sample: what is black and what is "
            "white only the function knows; wanted uint8",
        )
    return result
