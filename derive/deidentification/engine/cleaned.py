"""What the cleaning of pixels tells the engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from derive.elements.element import Element


class Cleaned(Protocol):
    """What became of the pixels of an object (``pixels``)."""

    @property
    def changed(self) -> bool:
        """Whether anything was blanked; what follows is asked only then."""

    @property
    def value(self) -> bytes:
        """Pixel Data; of encapsulated fragments with the delimiter behind them."""

    @property
    def vr(self) -> str:
        """Value representation of that."""

    @property
    def encapsulated(self) -> bool:
        """Whether it is made of fragments."""

    @property
    def transfer_syntax(self) -> str:
        """Transfer syntax afterwards."""

    @property
    def elements(self) -> Mapping[int, Element | None]:
        """Attributes that say it, by their tag; None for those that go."""

    @property
    def vouched(self) -> bool:
        """Whether a deterministic method, or a person, answers for them."""
