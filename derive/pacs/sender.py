"""The one protocol behind which archives are: what takes instances, and what it said of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from derive.pacs.outcome import Result
from derive.pacs.sendable import Sendable

#: Told of every instance as soon as something is known of it.
Told = Callable[[Result], None]


class Sender(Protocol):
    """Something that takes instances.

    A sender tries each instance once, and again only what was refused for a passing reason or lost with a connection,
    as it was told to; it never raises for an instance, but gives a result for each that it was given.

    Raises
    ------
    NetworkError
        If nothing can be sent at all: no connection, association refused, not authorised.
    """

    def send(self, sendables: Sequence[Sendable]) -> Iterator[Result]:
        """Send instances; give the result of each as soon as it is final."""
        ...
