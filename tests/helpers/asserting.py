"""Assertions that cannot pass for want of anything to assert."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from derive.errors import DeriveError

T = TypeVar("T")


@contextmanager
def raises_code(code: str, kind: type[DeriveError] = DeriveError) -> Iterator[pytest.ExceptionInfo[DeriveError]]:
    """Like ``pytest.raises``, and the error has this code."""
    with pytest.raises(kind) as caught:
        yield caught
    assert caught.value.code == code, str(caught.value)


def each(items: Iterable[T], at_least: int = 1) -> list[T]:
    """Give the items to loop over; fewer than ``at_least`` fail the test."""
    found = list(items)
    assert len(found) >= at_least, f"{len(found)} to look at, not {at_least}"
    return found


def every(checks: Iterable[object], at_least: int = 1) -> bool:
    """Like ``all``, of at least so many."""
    return all(each(checks, at_least))
