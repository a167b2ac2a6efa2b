"""Which builder makes which attribute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from derive.authoring.order import Authoring, Frame
from derive.standard import AttributeRule

SeriesFunction = Callable[[Authoring], Any]
FrameFunction = Callable[[Authoring, Frame], Any]
PlaneFunction = Callable[[Authoring, Frame | None], Any]

#: A builder for the attribute of whichever module has it.
ANY = "*"
#: Every builder by the module, or ``*``, and the keyword of its attribute.
BUILDERS: dict[tuple[str, str], Builder] = {}


@dataclass(frozen=True)
class Builder:
    """A function that makes the value of one attribute.

    Parameters
    ----------
    module : str
        ``*`` for any.
    keyword : str
    function : callable
        Of the series, or of the series and a frame.
    level : {"series", "frame", "plane"}
        Whether the value is the same for the whole series or belongs to one instance; of a plane it is the same for the
        frames of a stack, and belongs to one instance where each has a plane of its own.
    sticky : bool
        Whether what the source says of it stays, as far as it can be true.
    sayable : bool
        Whether a person can say the value instead.
    """

    module: str
    keyword: str
    function: Callable[..., Any]
    level: Literal["series", "frame", "plane"]
    sticky: bool = False
    sayable: bool = False

    def varies(self, authoring: Authoring) -> bool:
        """Whether a value has to be made for each instance."""
        return self.level == "frame" or (self.level == "plane" and authoring.views is not None)

    def value(self, authoring: Authoring, frame: Frame | None = None) -> Any:
        """Return what it makes, of a frame or of all of them."""
        return self.function(authoring) if self.level == "series" else self.function(authoring, frame)


def builder_of(rule: AttributeRule) -> Builder | None:
    """Return what builds an attribute: the builder of its module, else that of any; None where nothing does."""
    return BUILDERS.get((rule.module, rule.keyword)) or BUILDERS.get((ANY, rule.keyword))


def per_series(
    *keywords: str, module: str = ANY, sticky: bool = False, sayable: bool = False
) -> Callable[[SeriesFunction], SeriesFunction]:
    """Register a builder whose value is the same for the whole series."""

    def register(function: SeriesFunction) -> SeriesFunction:
        for keyword in keywords:
            BUILDERS[module, keyword] = Builder(module, keyword, function, "series", sticky, sayable)
        return function

    return register


def per_frame(*keywords: str, module: str = ANY, sticky: bool = False) -> Callable[[FrameFunction], FrameFunction]:
    """Register a builder whose value belongs to one instance."""

    def register(function: FrameFunction) -> FrameFunction:
        for keyword in keywords:
            BUILDERS[module, keyword] = Builder(module, keyword, function, "frame", sticky)
        return function

    return register


def per_plane(*keywords: str, module: str = ANY) -> Callable[[PlaneFunction], PlaneFunction]:
    """Register a builder whose value is that of all frames of a stack, for which it is given none."""

    def register(function: PlaneFunction) -> PlaneFunction:
        for keyword in keywords:
            BUILDERS[module, keyword] = Builder(module, keyword, function, "plane")
        return function

    return register
