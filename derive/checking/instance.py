"""One instance as it is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from derive.checking.finding import Finding, finding
from derive.elements.instance import Instance, State
from derive.elements.view import View
from derive.standard import Iod


@dataclass(frozen=True, kw_only=True)
class Judged(Instance):
    """An instance and the information object definition that it has to follow.

    Parameters
    ----------
    name : str
        File name, for the findings.
    elements : mapping tag -> Element
        The standard attributes; Pixel Data among them.
    transfer_syntax, strict, around
        As in :class:`Instance`.
    iod : Iod
    stored : integer array, optional
        The stored values as their bits and sign say; None where they are not known.
    encapsulated : bool
        Whether Pixel Data is compressed.
    """

    iod: Iod
    strict: bool = False
    stored: NDArray[Any] | None = None
    encapsulated: bool = False

    def state(self, tag: int) -> State:
        """Return whether an attribute is there, and has a value."""
        return self.elements.state(tag) if isinstance(self.elements, View) else super().state(tag)

    def find(self, code: str, path: str, message: str) -> Finding:
        """Return a finding about this instance."""
        return finding(code, path, message, self.name)
