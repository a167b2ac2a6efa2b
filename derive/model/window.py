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
    """

    centers: tuple[float, ...]
    widths: tuple[float, ...]
    explanations: tuple[str, ...] = ()
    function: str | None = None

    @property
    def narrowest(self) -> float:
        """The least width that the function allows: 1 for LINEAR, above 0 for the others (C.11.2.1.2)."""
        return 1.0 if self.function in (None, "LINEAR") else 1e-6


def real_window(source: Attributes, index: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return centres and widths of one frame in real-world values.

    Without a modality LUT a window acts on stored values (C.11.2.1.2): so in MR, whose values are mapped.
    """
    centers, widths = (_numbers(source.value(k, index)) for k in ("WindowCenter", "WindowWidth"))
    if source.value("RescaleSlope", index) is None:
        slope, intercept = source.frames[index].rescale
        centers, widths = [c * slope + intercept for c in centers], [w * abs(slope) for w in widths]
    return tuple(centers), tuple(widths)


def _numbers(value: Any) -> list[float]:
    try:
        return [float(v) for v in (value if _many(value) else [value])]
    except (TypeError, ValueError):
        return []


def _many(value: Any) -> bool:
    return hasattr(value, "__iter__") and not isinstance(value, str)
