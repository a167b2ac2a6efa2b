"""What a configuration says of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import RunPlan


@dataclass(frozen=True)
class Configuration:
    """What a configuration says of a run; flags that a person gives stand over it.

    Parameters
    ----------
    profile : Profile
    plan : RunPlan
    pixels : PixelPlan
    key : str or bytes, optional
        That the file itself says, as Microsoft's and Google's may.
    notes : tuple of str
        What the file says and what is not followed, or is done otherwise; for the report.
    """

    profile: Profile = field(default_factory=Profile)
    plan: RunPlan = field(default_factory=RunPlan)
    pixels: PixelPlan = field(default_factory=PixelPlan)
    key: str | bytes | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
