"""A box that a person names: where the picture is to be blank."""

from __future__ import annotations

import re
from typing import NamedTuple

from derive.errors import UsageError
from derive.pixels.area import Area

_FAR = "*"
_NUMBER = re.compile(r"-?[0-9]{1,6}")


class Box(NamedTuple):
    """A box of an image, as it is given.

    Parameters
    ----------
    x, y : int
        Its first column and row; a negative one counts from the far edge.
    width, height : int or None
        How far it goes; None to the far edge.
    """

    x: int
    y: int
    width: int | None
    height: int | None

    @classmethod
    def parse(cls, text: str) -> Box:
        """Read ``x,y,width,height``.

        Raises
        ------
        UsageError
            ``DEID-BOX``

        Examples
        --------
        >>> Box.parse("0,-40,*,40")
        Box(x=0, y=-40, width=None, height=40)
        """
        parts = [p.strip() for p in text.strip().strip("()[]").split(",")]
        legal = len(parts) == 4 and all(map(_NUMBER.fullmatch, parts[:2]))
        if not legal or not all(p == _FAR or (_NUMBER.fullmatch(p) and int(p) > 0) for p in parts[2:]):
            raise UsageError(
                "DEID-BOX",
                "a box is x,y,width,height in pixels, such as 0,0,640,40 (negative x and y count from the far edge, "
                f"{_FAR} for width or height goes to it); {text[:40]!r} is none",
            )
        width, height = (None if p == _FAR else int(p) for p in parts[2:])
        return cls(int(parts[0]), int(parts[1]), width, height)

    def area(self, columns: int, rows: int) -> Area | None:
        """Return what of it is in an image of this size; None where nothing is.

        Examples
        --------
        >>> Box(0, -40, None, 40).area(640, 480), Box(640, 0, 10, 10).area(640, 480)
        (Area(left=0, top=440, right=640, bottom=480), None)
        """
        left, right = _span(self.x, self.width, columns)
        top, bottom = _span(self.y, self.height, rows)
        return Area(left, top, right, bottom) if left < right and top < bottom else None

    def __str__(self) -> str:
        return ",".join(_FAR if n is None else str(n) for n in self)


def _span(start: int, length: int | None, size: int) -> tuple[int, int]:
    first = start + size if start < 0 else start
    return max(0, first), size if length is None else max(0, min(size, first + length))
