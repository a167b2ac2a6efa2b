"""Numbers that are not quite what they were: noise that follows of the key, the patient and the attribute."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import NamedTuple, TypeVar

from pydicom.valuerep import format_number_as_ds

from derive.deidentification.engine.here import Here
from derive.deidentification.methods.dummy import unreadable
from derive.deidentification.methods.registry import method
from derive.deidentification.methods.values import FLOATS, NUMBERS, number_bytes, packed, text_element, texts_of
from derive.deidentification.run.dates import SCOPES
from derive.elements.element import Element
from derive.elements.encoding import numbers_of
from derive.errors import UsageError
from derive.standard.value_syntax import WIDTHS

RANGES = ("fixed", "proportional")
_SPAN, _DECIMALS, _MOST_DECIMALS = 1.0, 2, 28
_LONGEST_DS = 16
_UNSIGNED = frozenset(["US", "UL", "UV", "OW", "OL", "OV"])
_OLDEST = 999
#: Of single precision (IEEE 754).
_LARGEST_FLOAT = 3.4028234663852886e38
Value = TypeVar("Value")


def _checked(settings: Mapping[str, object]) -> None:
    span = settings.get("span", _SPAN)
    if not isinstance(span, int | float) or not 0 < span < float("inf"):
        raise UsageError("DEID-SETTING", "'span' is a number above 0")
    decimals = settings.get("round_to", _DECIMALS)
    if not isinstance(decimals, int) or not 0 <= decimals <= _MOST_DECIMALS:
        raise UsageError("DEID-SETTING", f"'round_to' is 0 to {_MOST_DECIMALS} decimals")
    if str(settings.get("range_type", RANGES[1])).lower() not in RANGES:
        raise UsageError("DEID-SETTING", f"'range_type' is one of {', '.join(RANGES)}")
    if settings.get("scope", "patient") not in SCOPES:
        raise UsageError("DEID-SETTING", f"there is no such scope; there are {', '.join(SCOPES)}")


@method(
    *("perturb", "AS", "DS", "IS", *NUMBERS),
    check=_checked,
    span=float,
    round_to=int,
    range_type=str,
    scope=str,
)
def perturb(element: Element, here: Here) -> Element | None:
    """Add noise to its numbers: at most half the ``span``, or (``range_type`` proportional) that share of the number.

    The noise follows of the key, the attribute and the patient (``scope``): a weight is the same in all images of a
    series. Numbers are rounded to ``round_to`` decimals, integers to whole ones; what cannot be negative becomes 0, and
    an age keeps its unit. What is no number may say anything, and goes.
    """
    if not element.stripped():
        return element
    scale, texts = _Scale.of(here), []
    if element.vr == "AS":
        texts = [_aged(text, share, scale) for text, share in zip(*_shared(texts_of(element, ()), here), strict=True)]
        return text_element(element, texts, ()) if all(texts) else unreadable(element, here)
    numbers: Sequence[float] | None = packed(element) if element.vr in NUMBERS else numbers_of(element)
    if not numbers:
        return unreadable(element, here)
    exact = element.vr in FLOATS or element.vr == "DS"
    made = [scale.moved(number, share, exact=exact) for number, share in zip(*_shared(numbers, here), strict=True)]
    if element.vr in NUMBERS:
        return element._replace(value=number_bytes(element.vr, [_held(number, element.vr) for number in made]))
    if element.vr == "IS" and all(map(isfinite, made)):
        return text_element(element, [str(int(_held(number, "SL"))) for number in made], ())
    if not all(map(isfinite, made)):
        return unreadable(element, here)
    return text_element(element, [_decimal(number) for number in made], ())


class _Scale(NamedTuple):
    """How much noise a number gets."""

    span: float
    is_proportional: bool
    decimals: int

    @classmethod
    def of(cls, here: Here) -> _Scale:
        settings = here.settings
        span, decimals = settings.get("span", _SPAN), settings.get("round_to", _DECIMALS)
        return cls(
            float(span) if isinstance(span, int | float) else _SPAN,
            str(settings.get("range_type", RANGES[1])).lower() == RANGES[1],
            decimals if isinstance(decimals, int) else _DECIMALS,
        )

    def moved(self, number: float, share: float, *, exact: bool) -> float:
        """Return a number with its share of noise, rounded half to even as Microsoft rounds."""
        noise = share * self.span * (abs(number) if self.is_proportional else 1)
        moved = number + noise
        return float(round(moved, self.decimals if exact else 0)) if isfinite(moved) else moved


def _shared(values: Sequence[Value], here: Here) -> tuple[Sequence[Value], list[float]]:
    """Values, and their shares of the noise, from -1/2 to 1/2: a stream of digits that follows of the key."""
    scope = str(here.settings.get("scope", "patient"))
    seed = f"{SCOPES[scope](here.instance)}\0{here.path.text}".encode()
    stream = hashlib.shake_256(here.run.secrets.digest("perturb", seed)).digest(8 * len(values))
    return values, [int.from_bytes(stream[at : at + 8], "big") / 2**64 - 0.5 for at in range(0, len(stream), 8)]


def _aged(text: str, share: float, scale: _Scale) -> str:
    """An age of the same unit; empty for what is none."""
    if len(text) != 4 or not (text[:3].isascii() and text[:3].isdecimal()) or text[3] not in "DWMY":
        return ""
    return f"{int(min(max(scale.moved(int(text[:3]), share, exact=False), 0), _OLDEST)):03d}{text[3]}"


def _held(number: float, vr: str) -> float:
    """The nearest number that a VR holds."""
    if vr in FLOATS:
        return min(max(number, -_LARGEST_FLOAT), _LARGEST_FLOAT) if WIDTHS[vr] == 4 and isfinite(number) else number
    bits = 8 * WIDTHS[vr]
    least, most = (0, (1 << bits) - 1) if vr in _UNSIGNED else (-(1 << bits - 1), (1 << bits - 1) - 1)
    return min(max(int(number), least), most)


def _decimal(number: float) -> str:
    text = str(int(number)) if number.is_integer() and abs(number) < 10**15 else repr(number)
    return text if len(text) <= _LONGEST_DS else format_number_as_ds(number)
