"""What a caller can say of a conversion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal

from derive.conversion.placement import Orientation
from derive.errors import UsageError
from derive.model.axes import DISPLAY
from derive.model.geometry import Triple, triple

MULTI_FRAME = "multi-frame-secondary-capture"
Kind = Literal["volume", "secondary-capture", "multi-frame-secondary-capture"]
KINDS: tuple[Kind, ...] = ("volume", "secondary-capture", "multi-frame-secondary-capture")


@dataclass(frozen=True)
class Meaning:
    """What the numbers of a file mean.

    Parameters
    ----------
    kind : {"hu", "as-is", "scale"}
    slope, intercept : float
        Of ``scale=a,b``: number times a plus b is the value.
    """

    kind: Literal["hu", "as-is", "scale"]
    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def of(cls, text: str) -> Meaning:
        """Read ``hu``, ``as-is`` or ``scale=a,b``.

        Raises
        ------
        UsageError
            ``VAL-MEANING``.
        """
        if text == "hu":
            return cls("hu")
        if text == "as-is":
            return cls("as-is")
        kind, _, numbers = text.partition("=")
        try:
            slope, intercept = (float(n) for n in numbers.split(","))
        except ValueError:
            slope, intercept = 0.0, 0.0
        if kind != "scale" or slope == 0 or not math.isfinite(slope + intercept):
            raise UsageError(
                "VAL-MEANING", f"values {text!r}; wanted hu, as-is, or scale=a,b: number times a plus b, a not 0"
            )
        return cls("scale", slope, intercept)


@dataclass(frozen=True)
class Conversion:
    """What a caller can say of a conversion.

    Parameters
    ----------
    modality : str, optional
        ``CT``, ``MR``, ``PT``; any, e.g. ``OT``, for pictures. That of the reference if it is not given.
    kind : {"volume", "secondary-capture", "multi-frame-secondary-capture"}
        What it becomes: a series of the modality's own class; a picture an instance; all pictures in one.
    values : str, optional
        What the numbers are: ``hu``, ``as-is`` or ``scale=a,b``; CT takes them for HU if nothing is said, and
        refuses what cannot be HU.
    units : str, optional
        PET: Units (0054,1001), e.g. ``BQML``; MR: a UCUM code; CT: Rescale Type of values that are no HU.
    spacing_xyz, origin_xyz : float or (x, y, z), optional
        Spacing and centre of the first voxel, mm, where the file does not say them.
    orientation : str or six numbers, optional
        Where it does not say that: see :func:`derive.conversion.placement.affine_of`.
    plane : {"axial", "coronal", "sagittal"}, optional
        Planes of the result; else those of the reference, else those that the file names, else those across the
        coarsest spacing.
    frame_index : int, optional
        Which of several times to take, from 0.
    nan_value : float, optional
        What NaN and infinity become.
    original : bool
        Whether the values are as they were acquired: ORIGINAL, and no derivation.
    code, description : str, optional
        What was done to make these values: a code of CID 7203, and words.
    require_overlap : float
        Share of the volume that has to lie in the reference.
    frame_time_ms : float, optional
        Time from page to page, of pictures in one instance.
    character_set : str, optional
        Specific Character Set, e.g. ``ISO_IR 100``; without it ASCII, or ISO_IR 192 where that does not do.
    """

    modality: str | None = None
    kind: Kind = "volume"
    values: str | None = None
    units: str | None = None
    spacing_xyz: float | Sequence[float] | None = None
    origin_xyz: Sequence[float] | None = None
    orientation: Orientation | None = None
    plane: Literal["axial", "coronal", "sagittal"] | None = None
    frame_index: int | None = None
    nan_value: float | None = None
    original: bool = False
    code: str | None = None
    description: str | None = None
    require_overlap: float = 0.5
    frame_time_ms: float | None = None
    character_set: str | None = None

    def __post_init__(self) -> None:
        if self.orientation is not None and not isinstance(self.orientation, str):
            object.__setattr__(self, "orientation", tuple(float(v) for v in self.orientation))
        if self.plane is not None and self.plane not in DISPLAY:
            raise UsageError("GEO-PLANE", f"plane {self.plane!r}; wanted one of {', '.join(DISPLAY)}")
        if self.kind not in KINDS:
            raise UsageError("OPT-KIND", f"kind {self.kind!r}; wanted one of {', '.join(KINDS)}")
        if not 0 <= self.require_overlap <= 1:
            raise UsageError("GEO-OVERLAP", f"require_overlap {self.require_overlap}; wanted a share from 0 to 1")
        if self.nan_value is not None and not math.isfinite(self.nan_value):
            raise UsageError("VAL-NAN", f"nan_value {self.nan_value}; wanted a finite number")
        if self.original and (self.code or self.description):
            raise UsageError("OPT-ORIGINAL", "what is as it was acquired was not derived: no code, no description")
        time = self.frame_time_ms
        plain = isinstance(time, int | float) and not isinstance(time, bool)
        if time is not None and not (self.kind == MULTI_FRAME and plain and 0 < time < math.inf):
            raise UsageError("OPT-FRAMETIME", "--frame-time-ms is one time above 0, of pages in one instance")
        if any(v is not None and not math.isfinite(v) for v in (*(self.spacing or ()), *(self.origin or ()))):
            raise UsageError("GEO-UNPLACED", "spacing and origin have to be finite numbers")

    @property
    def spacing(self) -> Triple | None:
        """Spacing (x, y, z), mm."""
        if self.spacing_xyz is None:
            return None
        value = self.spacing_xyz
        return _three("spacing", [float(value)] * 3 if isinstance(value, int | float | Real) else value)

    @property
    def origin(self) -> Triple | None:
        """Centre of the first voxel (x, y, z), mm."""
        return None if self.origin_xyz is None else _three("origin", self.origin_xyz)


def _three(name: str, values: Sequence[float]) -> Triple:
    if len(values) != 3:
        raise UsageError("GEO-UNPLACED", f"{name} has {len(values)} numbers; wanted x y z")
    return triple(values)
