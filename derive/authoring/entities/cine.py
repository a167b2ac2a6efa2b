"""What an instance says of its frames in time: kept as far as these are still those of the source (PS3.3 C.7.6.5).

A result has the frames of its source one for one, all of a cine or some, or it has made one of many. Of the first, what
is said of the cine stays, or is said of those that are left; of the second, nothing does.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from derive.authoring.entities.real_world import scale_of
from derive.authoring.entities.registry import per_frame, per_series
from derive.authoring.order import Authoring, Frame
from derive.elements.element import Element, tag_of
from derive.elements.encoding import decode, numbers_of
from derive.model.cines import Says, said_of_cines
from derive.model.derivation import ValuesEffect
from derive.model.frames import FRAME_TIME, TIME_OFFSET
from derive.pixels.encode import Rescale, decimal

_POINTER, _STEP = "FrameIncrementPointer", "FrameTime"
#: The same time between frames, ms, however it was written.
_SAME_MS = 1e-3


def _members(frame: Frame) -> tuple[Frame, ...]:
    return frame.frames or (frame,)


def _frames_behind(authoring: Authoring, frame: Frame) -> Sequence[int]:
    """Return which frame of the source each frame of an instance is; nothing where they are not one for one.

    What it was the mask of is no matter.
    """
    if authoring.target.container != "cine":
        return ()
    each = [{c.frame for c in m.contributors if c.source == 0 and not c.purpose} for m in _members(frame)]
    return [min(found) for found in each] if all(len(found) == 1 for found in each) else ()


def _numbers(authoring: Authoring, frame: Frame) -> list[int]:
    """Return which frame of its instance each was, from 1."""
    return [authoring.source.frames[k].number for k in _frames_behind(authoring, frame)]


def _is_whole(authoring: Authoring, frame: Frame) -> bool:
    """Whether all frames of a cine are there, in their order."""
    behind = _frames_behind(authoring, frame)
    said = (authoring.source.value("NumberOfFrames", behind[0]) or 1) if behind else 0
    return bool(behind) and _numbers(authoring, frame) == list(range(1, int(said) + 1))


def _own(authoring: Authoring, frame: Frame, keyword: str) -> Element | None:
    return authoring.source.agreement(tag_of(keyword), frame.contributors).element


def _times(authoring: Authoring, frame: Frame) -> list[float]:
    """Return the time from the frame before, ms, of frames of which it is known; 0 for the first one."""
    time = next((d for d in authoring.frames.dimensions if d.keyword == TIME_OFFSET), None)
    if time is None or authoring.target.container != "cine":
        return []
    moments = [v for m in _members(frame) if isinstance(v := time.values[m.volume], float)]
    return [0.0, *((after - before) * 1000 for before, after in pairwise(moments))] if len(moments) > 1 else []


def _step(authoring: Authoring, frame: Frame) -> Element | None:
    """Return Frame Time of the source, where it is still the time from each frame to the next."""
    own, times = _own(authoring, frame, _STEP), _times(authoring, frame)
    said = numbers_of(own) if own is not None else ()
    if not times or len(said) != 1:
        return None
    return own if all(abs(time - said[0]) <= _SAME_MS for time in times[1:]) else None


def _alone(authoring: Authoring, frame: Frame) -> bool:
    """Whether one frame is left of a cine whose class asks for its times all the same (US: C.8.5.6, type 1).

    *2026-12-01.* The time from the frame before is 0 for the first one (C.7.6.5), which is true of one alone.
    """
    one = authoring.target.container == "cine" and len(_members(frame)) == 1
    return one and _has_to_point(authoring) and _said_of_times(authoring) and not _is_whole(authoring, frame)


def _has_to_point(authoring: Authoring) -> bool:
    """Whether images of the class say what tells their frames apart, however many these are."""
    rule = authoring.target.iod.attributes.get(_POINTER)
    return rule is not None and rule.type == "1"


def _said_of_times(authoring: Authoring) -> bool:
    """Whether the source tells its frames apart by their times."""
    pointer = authoring.source.value(_POINTER)
    said = {int(tag) for tag in (pointer if isinstance(pointer, Sequence) else [pointer]) if tag is not None}
    return bool(said) and said <= {tag_of(_STEP), tag_of(FRAME_TIME)}


def times_said(authoring: Authoring, frame: Frame, keyword: str) -> Any:
    """Return what one of the attributes of time says: of frames at even steps one number, else one a frame.

    Where no time is known, what a source says of all of a cine stays as it is.
    """
    if _alone(authoring, frame):
        return {_POINTER: tag_of(FRAME_TIME), FRAME_TIME: [0.0]}.get(keyword)
    if not _times(authoring, frame):
        several = len(_frames_behind(authoring, frame)) > 1 or _has_to_point(authoring)
        return _own(authoring, frame, keyword) if several and _is_whole(authoring, frame) else None
    step = _step(authoring, frame)
    if keyword == _STEP:
        return step
    if keyword == FRAME_TIME:
        return None if step is not None else [decimal(round(t, 6)) for t in _times(authoring, frame)]
    return tag_of(_STEP if step is not None else FRAME_TIME)


def said(authoring: Authoring, frame: Frame, keyword: str, says: Says) -> Any:
    """Return what of an attribute is true of the frames of an instance; None where nothing is."""
    own, behind = _own(authoring, frame, keyword), _frames_behind(authoring, frame)
    if says == "several":
        return own if authoring.target.container == "cine" and len(_members(frame)) > 1 else None
    if own is None or not behind:
        return None
    if _is_whole(authoring, frame) or says == "frames":
        return own
    if says == "whole":
        return None
    value, numbers = decode(own, authoring.encodings), _numbers(authoring, frame)
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if says == "numbers":
        return [numbers.index(n) + 1 for n in values if n in numbers] or None
    whole = int(authoring.source.value("NumberOfFrames", behind[0]) or 1)
    return [values[n - 1] for n in numbers] if len(values) == whole else None


for (_module, _keyword), _says in said_of_cines().items():
    if _keyword == FRAME_TIME:
        pass  # that of pages as well: derive.authoring.entities.multi_frame
    elif _says == "times":
        per_frame(_keyword, module=_module)(partial(times_said, keyword=_keyword))
    else:
        per_frame(_keyword, module=_module)(partial(said, keyword=_keyword, says=_says))


@per_series("PixelIntensityRelationship")
def pixel_intensity_relationship(authoring: Authoring) -> str | Element | None:
    """Return the source's while the quantity is kept; else DISP: no function of the beam's intensity.

    *2026-12-01.* LOG of a difference would ask for a table that leads back to the intensity (C.8.7.1.1.2), and there is
    none: the intensity behind a difference is that of no image.
    """
    if authoring.derivation.values_effect is ValuesEffect.NEW_QUANTITY:
        return "DISP"
    return authoring.source.agreement(tag_of("PixelIntensityRelationship")).element


def _way_back(authoring: Authoring, frame: Frame, keyword: str) -> Element | float | str | None:
    """Return what leads from stored values back to the intensity of the beam, while these are the source's in kind.

    Of an image that lies on no plane what they are: there it is the only place that says it.
    """
    encoding = frame.encoded.encoding
    same = authoring.derivation.values_effect is not ValuesEffect.NEW_QUANTITY
    if authoring.target.rescale is Rescale.SERIES:
        never = same and authoring.same_kind and tag_of("RescaleSlope") not in authoring.source.tags
        alike = never and (encoding.slope, encoding.intercept) == (1.0, 0.0)
        return None if alike else scale_of(authoring, frame, keyword)
    as_they_were = same and all(f.rescale == (1.0, 0.0) for f in authoring.source.frames)
    if authoring.target.container != "cine" or not as_they_were or (encoding.slope, encoding.intercept) != (1.0, 0.0):
        return None
    return _own(authoring, frame, keyword)


for _keyword in ("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept", "RescaleType"):
    per_frame(_keyword, module="modality-lut")(partial(_way_back, keyword=_keyword))
