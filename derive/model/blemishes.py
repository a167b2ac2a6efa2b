"""What a source does not say as its class asks for, and a result therefore cannot say better."""

from __future__ import annotations

from typing import NamedTuple


class Blemishes(NamedTuple):
    """Keywords in which a result is no better than its source.

    Parameters
    ----------
    lacking : frozenset of str
        What images of the class can say and the source does not.
    differing : frozenset of str
        What a series says once, and views of one source series do not.
    """

    lacking: frozenset[str] = frozenset()
    differing: frozenset[str] = frozenset()


NO_BLEMISHES = Blemishes()
