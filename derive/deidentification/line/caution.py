"""What a person has to know of an object, since no table settles it."""

from __future__ import annotations

from typing import NamedTuple


class Caution(NamedTuple):
    """What a person has to know of an object.

    Parameters
    ----------
    code : str
    text : str
        No value of the object.
    """

    code: str
    text: str
