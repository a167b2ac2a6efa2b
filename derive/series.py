"""What a builder of attributes knows: the series that is being made, and one frame of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from derive.derivation import Derivation
from derive.elements import Element
from derive.encode import EncodedFrame, Encoding
from derive.source import SourceSeries
from derive.targets import Target
from derive.uids import Uids
from derive.volume import Volume


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


@dataclass(frozen=True)
class Given:
    """What the caller says of the new series.

    Parameters
    ----------
    series_description : str, optional
    series_number : int, optional
    attributes : mapping keyword -> text
        Series-level text that replaces what the policy would do.
    """

    series_description: str | None = None
    series_number: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Making:
    """A series in the making: everything that is the same for all its instances.

    Parameters
    ----------
    source : SourceSeries
    volume : Volume
        The result.
    derivation : Derivation
    target : Target
    encoding : Encoding, optional
        None where each instance has its own.
    uids : Uids
    now : datetime
        When the pixels are made.
    given : Given
    window : Window, optional
        The source's where the quantity is kept, else from the values.
    """

    source: SourceSeries
    volume: Volume
    derivation: Derivation
    target: Target
    encoding: Encoding | None
    uids: Uids
    now: datetime
    given: Given
    window: Window | None = None

    @property
    def encodings(self) -> Sequence[str]:
        """Python names of the character set of the result: that of the source."""
        return self.source.encodings


@dataclass(frozen=True)
class Frame:
    """One instance of the series.

    Parameters
    ----------
    index : int
        Its slice in the volume, ascending along the normal.
    number : int
        Its Instance Number.
    contributors : tuple of int
        The source slices whose pixels entered it.
    encoded : EncodedFrame
    """

    index: int
    number: int
    contributors: tuple[int, ...]
    encoded: EncodedFrame


class Made(NamedTuple):
    """One assembled instance."""

    frame: Frame
    elements: dict[int, Element]
