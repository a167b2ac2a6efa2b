"""Which builder makes which attribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from derive.authoring.order import Frame, Making

SeriesFunction = Callable[[Making], Any]
FrameFunction = Callable[[Making, Frame], Any]

#: Every builder by the keyword of its attribute.
BUILDERS: dict[str, Builder] = {}


@dataclass(frozen=True)
class Builder:
    """A function that makes the value of one attribute.

    Parameters
    ----------
    keyword : str
    function : callable
        Of the series, or of the series and a frame.
    per_frame : bool
        Whether the value differs from instance to instance.
    sticky : bool
        Whether what the source says of it stays, as far as it can be true.
    """

    keyword: str
    function: Callable[..., Any]
    per_frame: bool
    sticky: bool = False


def per_series(*keywords: str, sticky: bool = False) -> Callable[[SeriesFunction], SeriesFunction]:
    """Register a builder whose value is the same for the whole series."""

    def register(function: SeriesFunction) -> SeriesFunction:
        for keyword in keywords:
            BUILDERS[keyword] = Builder(keyword, function, per_frame=False, sticky=sticky)
        return function

    return register


def per_frame(*keywords: str, sticky: bool = False) -> Callable[[FrameFunction], FrameFunction]:
    """Register a builder whose value belongs to one instance."""

    def register(function: FrameFunction) -> FrameFunction:
        for keyword in keywords:
            BUILDERS[keyword] = Builder(keyword, function, per_frame=True, sticky=sticky)
        return function

    return register
