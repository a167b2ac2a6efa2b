"""Conversions that are refused: input, patients that no message may name, and what is asserted of a refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import derive
from tests.helpers.convert_files import (
    hu,
)

MARKED = derive.Patient("SECRET-4711", "Secret^Person", birth_date="19550505")
MARKS = ("secret", "^person", "4711", "19550505", "doe^", "jane", "19700101")
#: Of the reference.
SHAPE = (6, 12, 14)


def refused(code: str, place: Path, source: Any, /, **options: Any) -> derive.DeriveError:
    """Convert and write; it is refused with this code, without a trace on the disk or of the patient in the text."""
    before = sorted(place.rglob("*"))
    with pytest.raises(derive.DeriveError) as caught:
        derive.convert(source, **options).write(place / "new" / "out")
    assert caught.value.code == code
    assert sorted(place.rglob("*")) == before
    said = f"{caught.value} {caught.value.facts}".lower()
    assert not [mark for mark in MARKS if mark in said]
    return caught.value


def spoiled(value: float) -> np.ndarray:
    values = hu().astype(np.float32)
    values[1, 2, 3] = value
    return values
