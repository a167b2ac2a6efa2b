"""What a caller can say of a conversion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Literal

from derive.conversion.placement import Orientation
from derive.errors import UsageError
from derive.model.algorithm import Algorithm
from derive.model.axes import DISPLAY
from derive.model.geometry import Triple, triple
from derive.told.wording import flag

MULTI_FRAME = "multi-frame-secondary-capture"
Kind = Literal["volume", "secondary-capture", "multi-frame-secondary-capture", "segmentation"]
KINDS: tuple[Kind, ...] = ("volume", "secondary-capture", "multi-frame-secondary-capture", "segmentation")


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
        CT, MR or PT; of pictures any, OT if nothing is said. Without it that of the reference.
    kind : {"volume", "secondary-capture", "multi-frame-secondary-capture", "segmentation"}
        The class (default: of the modality). A series of the modality's own class, a picture an instance, all
        pictures in one, or labels as segments.
    values : str, optional
        What the numbers are (CT: hu). They are ``hu``, ``as-is`` or ``scale=a,b``; CT takes them for HU if nothing is
        said, and refuses what cannot be HU.
    units : str, optional
        PET: Units, e.g. BQML; MR: a UCUM code; CT that is no HU: Rescale Type.
    spacing_xyz : float or (x, y, z), optional
        One, or x y z. In mm, where the file does not say it.
    origin_xyz : (x, y, z), optional
        Centre of the first voxel, x y z, LPS. In mm, where the file does not say it.
    orientation : str or six numbers, optional
        Axial, coronal, sagittal; letters towards which x y z run (LPS, RAS, ...); six cosines; or 'reference'. Where
        the file does not say it: see :func:`derive.conversion.placement.affine_of`.
    plane : {"axial", "coronal", "sagittal"}, optional
        Planes of the images. Without it those of the reference, else those that the file names, else those across the
        coarsest spacing.
    frame_index : int, optional
        Which of several times, from 0.
    nan_value : float, optional
        What NaN and infinity become.
    original : bool
        It is as it was acquired: ORIGINAL, not DERIVED.
    code : str, optional
        What was done to make it: a code of CID 7203.
    description : str, optional
        What was done to make it, in words.
    algorithm : Algorithm, optional
        Who computed it, where it was computed.
    require_overlap : float
        Of it in the reference (default 0.5). A share from 0 to 1 of the volume.
    frame_time_ms : float, optional
        Time between pages in one instance.
    frame_times : numbers or str, optional
        Of several frames of PET: when each begins and the last ends, s; or a .json that says FrameTimesStart and
        FrameDuration. Without it what the .json beside the file says.
    character_set : str, optional
        Specific Character Set (default: ASCII, or ISO_IR 192). Where ASCII does not do, the latter.
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
    algorithm: Algorithm | None = None
    require_overlap: float = 0.5
    frame_time_ms: float | None = None
    frame_times: str | Sequence[float] | None = None
    character_set: str | None = None

    def __post_init__(self) -> None:
        if self.orientation is not None and not isinstance(self.orientation, str):
            object.__setattr__(self, "orientation", tuple(float(v) for v in self.orientation))
        if self.frame_times is not None and not isinstance(self.frame_times, str):
            object.__setattr__(self, "frame_times", tuple(float(v) for v in self.frame_times))
        if self.plane is not None and self.plane not in DISPLAY:
            raise UsageError("GEO-PLANE", f"plane {self.plane!r}; wanted one of {', '.join(DISPLAY)}")
        if self.kind not in KINDS:
            raise UsageError("OPT-KIND", f"kind {self.kind!r}; wanted one of {', '.join(KINDS)}")
        if not 0 <= self.require_overlap <= 1:
            raise UsageError("GEO-OVERLAP", f"require_overlap {self.require_overlap}; wanted a share from 0 to 1")
        if self.nan_value is not None and not math.isfinite(self.nan_value):
            raise UsageError("VAL-NAN", f"nan_value {self.nan_value}; wanted a finite number")
        if self.original and (self.code or self.description or self.algorithm):
            message = "what is as it was acquired was not derived: no code, no description, no algorithm"
            raise UsageError("OPT-ORIGINAL", message)
        time = self.frame_time_ms
        plain = isinstance(time, int | float) and not isinstance(time, bool)
        if time is not None and not (self.kind == MULTI_FRAME and plain and 0 < time < math.inf):
            raise UsageError("OPT-FRAMETIME", f"{flag('frame_time_ms')} is one time above 0, of pages in one instance")
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
