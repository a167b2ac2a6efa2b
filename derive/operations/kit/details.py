"""What a declaration of an operation says beyond its code and its effects, by the names of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from derive.model.colours import Colours
from derive.model.frames import Volumes
from derive.model.geometry import Geometry
from derive.pixels.compressions import Compression

if TYPE_CHECKING:
    from derive.model.source import SourceSeries

#: Parameters to try an operation with on a series of a geometry.
Trial = Callable[[Geometry], Mapping[str, Any]]
#: What an operation with its parameters did, in a few words.
Short = Callable[[Mapping[str, Any]], str]
#: The code, and the terms, that follow from its parameters.
Words = Callable[[Mapping[str, Any]], tuple[str, Mapping[str, str]]]
#: Whether it is tried on a series; the parameters of each series that is made, where there are several.
Suits = Callable[["SourceSeries"], bool]
Beside = Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], ...]]
#: How what is written is encoded with loss.
Encodes = Callable[[Mapping[str, Any]], Compression]
#: What is done to colours as a whole.
OfColours = Callable[[Colours, Mapping[str, Any]], Colours]


class Details(TypedDict, total=False):
    """Fields of :class:`derive.operations.declaration.OperationKind`, which says what they are."""

    code_in_new_plane: str
    terms: Mapping[str, str]
    trial: Trial
    example: Mapping[str, Any]
    fixes: Mapping[str, str]
    takes_tilt: bool
    takes_uneven: bool
    first: str
    in_planes: Callable[[Mapping[str, Any]], bool]
    found: Callable[[Geometry, Geometry], str]
    short: Short
    mixes: Callable[[Mapping[str, Any]], bool]
    settles: Callable[[Volumes, Mapping[str, Any]], Mapping[str, Any]]
    purpose: str
    words: Words
    codes: tuple[str, ...]
    agreeing: bool
    takes_own_plane: bool
    suits: Suits
    beside: Beside
    by_sample: bool
    of_colours: OfColours
    makes_colours: bool
    encodes: Encodes
