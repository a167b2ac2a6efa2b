"""What every format shares: real numbers, on four axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from derive.errors import ValuesError

Values = NDArray[Any]


def numeric(array: Values, name: str) -> Values:
    """Return `array` as it is.

    Raises
    ------
    derive.errors.ValuesError
        ``VAL-COMPLEX``, ``VAL-TYPE`` or ``VAL-EMPTY`` where it holds no real numbers.
    """
    refuse_kind(array.dtype, name)
    if array.size == 0:
        raise ValuesError("VAL-EMPTY", f"{name} has the shape {array.shape}, so it holds no values; wanted at least 1")
    return array


def refuse_kind(dtype: Any, name: str) -> None:
    """Raise ``VAL-COMPLEX`` or ``VAL-TYPE`` for a type that is none of real numbers."""
    if dtype.kind == "c":
        raise ValuesError(
            "VAL-COMPLEX",
            f"{name} holds complex numbers ({dtype}); wanted real ones; state its magnitude or its phase",
        )
    if dtype.kind not in "biuf":
        shown = dtype if dtype.names is None and dtype.subdtype is None else "several numbers together"
        raise ValuesError(
            "VAL-TYPE", f"{name} holds values of type {shown}; wanted integers, floats or booleans; convert them"
        )


def four_axes(array: Values, name: str) -> Values:
    """Return (i, j, k, times) of an array with its first axes in this order; axes of length 1 come and go.

    Raises
    ------
    derive.errors.ValuesError
        ``VAL-5D`` where a fifth axis or a later one is longer than 1.
    """
    refuse_fifth(array.shape, name)
    return array.reshape((*array.shape, 1, 1, 1, 1)[:4])


def refuse_fifth(shape: Sequence[int], name: str) -> None:
    """Raise ``VAL-5D`` where an axis after the fourth is longer than 1."""
    if any(length > 1 for length in shape[4:]):
        raise ValuesError(
            "VAL-5D",
            f"{name} has the shape {tuple(map(int, shape))}; wanted at most three axes of space and one of time; "
            "cut it into files of four axes",
        )
