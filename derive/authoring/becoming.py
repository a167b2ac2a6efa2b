"""Which class a result becomes, and in which bits: that of its source, while it holds what the values are."""

from __future__ import annotations

from dataclasses import replace

from derive.authoring.lossy import holds_stored
from derive.authoring.options import Options
from derive.authoring.prepare import in_numbers
from derive.authoring.scan import scan
from derive.model.classes import Target, class_derived, target_of
from derive.model.derivation import Derivation, ValuesEffect
from derive.model.frames import Frames, Volumes
from derive.model.other_class import capture_of, without_plane
from derive.model.source import SourceSeries
from derive.pixels.encode import GREY_8, GREY_16

_BYTES = "int8"
_WORDS = "int16"


def becomes(
    source: SourceSeries, frames: Frames, derivation: Derivation, options: Options, *, measured: bool
) -> tuple[Target, Frames]:
    """Return what class a result becomes, and its frames as that class stores them.

    Parameters
    ----------
    source : SourceSeries
    frames : Frames
    derivation : Derivation
    options : Options
    measured : bool
        Whether values are looked at where nothing else tells whether 8 bits hold them; else they are thought to.

    Raises
    ------
    UsageError
        ``OPT-FORM``, ``OPT-PLANE``, ``OPT-NUMBERS``
    """
    target = target_of(class_derived(source.sop_class_uid, options.into))
    if source.geometry.in_patient and frames.geometry is not None and not frames.geometry.in_patient:
        target = without_plane(target, options.into)
    if isinstance(frames, Volumes) and not target.in_patient:
        target, frames = _held(target, frames, derivation, measured)
    kept = source if derivation.only_compressed and holds_stored(source) else None
    return target, in_numbers(frames, target, options.numbers, kept)


# 2026-12-01: whether 8 bits hold a result is known beforehand of what mixes or picks values; of all else its values are
# asked, though nothing else of it is wanted yet: images of 8 bits are few and small, and a result that was clipped to
# black and white, or put into another class without need, would be worse than one that is computed twice.


def _held(target: Target, volumes: Volumes, derivation: Derivation, measured: bool) -> tuple[Target, Volumes]:
    """Return a class that holds some values, and the values in as few bits as their source has, if these hold them."""
    held = target.stored.split("|")
    same = derivation.values_effect is not ValuesEffect.NEW_QUANTITY
    if target.instead and not same:
        return capture_of(target), replace(volumes, format=GREY_16)
    if _WORDS in held and volumes.format != GREY_8:
        return target, volumes
    low, high = volumes.value_range or (_extremes(volumes) if measured else (0, 0))
    if same and low >= 0 and high < 1 << GREY_8.bits and not volumes.quantity.padded:
        return target, replace(volumes, format=GREY_8 if _BYTES in held else GREY_16)
    return (target if _WORDS in held else capture_of(target)), replace(volumes, format=GREY_16)


def _extremes(volumes: Volumes) -> tuple[float, float]:
    found = scan(volumes)
    return found.low, found.high
