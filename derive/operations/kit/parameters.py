"""What a parameter of an operation can be, beside a number, a text, a choice, and an algorithm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Protocol

from derive.model.geometry import Geometry
from derive.model.transform import Transform

#: One length for all axes, or x y z.
Millimetres = float | tuple[float, float, float]
#: The same in pixels, of however large they are.
Pixels = Annotated[float | tuple[float, float, float], "pixels"]
#: A point in the patient, mm, or a direction: x y z.
XYZ = tuple[float, float, float]
#: An axis of the patient, or a direction.
Axis = Literal["head-feet", "left-right", "anterior-posterior"] | XYZ
#: Two numbers: a center and a width, or the ends of a range.
Two = tuple[float, float]
#: Which voxel, x y z, counted from 0: column, row and slice.
Voxel = tuple[int, int, int]


class HasGrid(Protocol):
    """What has a grid: a series, or a volume."""

    @property
    def geometry(self) -> Geometry:
        """The grid."""


#: The grid of another series.
Grid = HasGrid | Geometry
#: A registration: where the places of two spaces belong together.
Registration = Transform
#: A function of the user's: a callable, or ``package.module:name``.
Function = Callable[..., Any] | str
#: Arguments of the user's function: ``--param name=value``, repeated.
Parameters = Mapping[str, Any]
#: Text of a code: keyword, value or meaning of CID 7203, or ``99SCHEME:VALUE:Meaning``.
CodeText = Annotated[str, "code of CID 7203"]
#: Several numbers: ``0,1000`` on the command line.
Numbers = tuple[float, ...]
