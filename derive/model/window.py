"""Windows in real-world values, and what a source says of them (PS3.3 C.11.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from derive.model.source import Attributes


@dataclass(frozen=True)
class Window:
    """One or more windows in real-world values (C.11.2).

    Parameters
    ----------
    centers, widths : tuple of float
    explanations : tuple of str
        Their names, where the source has them.
    function : str, optional
        VOI LUT Function; None is LINEAR.
    unit : float
        How much 1 of what a LINEAR window was stated in is in real-world values. Its function goes from its centre
        by half of that, and over its width less that (C.11.2.1.2.1); 0 where `centers` and `widths` say the very ends.
    """

    centers: tuple[float, ...]
    widths: tuple[float, ...]
    explanations: tuple[str, ...] = ()
    function: str | None = None
    unit: float = 1.0

    @classmethod
    def over(cls, low: float, high: float) -> Window:
        """Return the LINEAR window that shows `low` as the darkest grey and `high` as the brightest."""
        return cls(((low + high) / 2,), (high - low,), unit=0.0)

    def stated_in(self, slope: float = 1.0, intercept: float = 0.0) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return centres and widths as attributes say them, for a VOI LUT that acts on (value - intercept) / slope.

        A LINEAR window of other units keeps its ends, and so has another half step and another step.
        """
        half = slope * 0.5 - self.unit * 0.5 if self.linear and self.unit != slope else 0.0
        centers = tuple((c + half - intercept) / slope for c in self.centers)
        return centers, tuple(max((w + 2 * half) / slope, self.narrowest) for w in self.widths)

    @property
    def linear(self) -> bool:
        """Whether its function is LINEAR."""
        return self.function in (None, "LINEAR")

    @property
    def narrowest(self) -> float:
        """The least width that the function allows: 1 for LINEAR, above 0 for the others (C.11.2.1.2)."""
        return 1.0 if self.linear else 1e-6


def real_window(source: Attributes, index: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return centres and widths of one frame in real-world values."""
    centers, widths = (_numbers(source.value(k, index)) for k in ("WindowCenter", "WindowWidth"))
    slope, intercept = acted_on(source, index)
    return tuple(c * slope + intercept for c in centers), tuple(w * abs(slope) for w in widths)


def unit_of(source: Attributes, index: int) -> float:
    """Return how much 1 of what the window of a frame is stated in is in real-world values."""
    return abs(acted_on(source, index)[0])


def acted_on(source: Attributes, index: int) -> tuple[float, float]:
    """Slope and intercept to real-world values of what a VOI LUT acts on (C.11.2.1.2).

    With a modality LUT that is its output; without one stored values: so in MR, whose values are mapped, and in digital
    radiographs, whose modality LUT does nothing.
    """
    said = source.value("RescaleSlope", index), source.value("RescaleIntercept", index)
    return source.frames[index].rescale if said in ((None, None), (1, 0)) else (1.0, 0.0)


def _numbers(value: Any) -> list[float]:
    try:
        return [float(v) for v in (value if _many(value) else [value])]
    except (TypeError, ValueError):
        return []


def _many(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str)
