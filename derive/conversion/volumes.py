"""What tells the volumes of a file apart: what the caller says, what lies beside it, else its times, else a count."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from derive.conversion.options import Conversion
from derive.errors import GeometryError, UsageError
from derive.formats.beside import Times, checked_times, times_beside, times_in, weights_beside
from derive.formats.samples import Samples
from derive.model.classes import Target
from derive.model.dimension import Dimension
from derive.model.frames import TIME_NUMBER, TIME_OFFSET
from derive.model.reorient import Matrix
from derive.told.wording import counted, flag

_REFERENCE_TIME, _LENGTH = "FrameReferenceTime", "ActualFrameDuration"
_B_VALUE, _DIRECTION = "DiffusionBValue", "DiffusionGradientOrientation"


def dimensions_of(samples: Samples, wishes: Conversion, target: Target, affine: Matrix) -> tuple[Dimension, ...]:
    """Return what tells volumes apart, with a value for each; nothing of a single one.

    Parameters
    ----------
    samples : Samples
    wishes : Conversion
    target : Target
        Its class: frames of PET have times and lengths, and nobody makes them up; MR has b-values and directions.
    affine : (4, 4)
        Of the indices of the file to LPS mm.

    Raises
    ------
    GeometryError
        ``GEO-4D`` for frames of PET of which nobody says the times.
    UsageError
        ``OPT-FRAMETIMES``
    SourceError
        ``SRC-DAMAGED``, ``SRC-BESIDE`` for what lies beside the file.
    """
    timed = _REFERENCE_TIME in target.iod.attributes
    if wishes.frame_times is not None and (not timed or samples.times == 1):
        text = f"{flag('frame_times')} are of several frames of PET; {samples.name} has {samples.times}"
        raise UsageError("OPT-FRAMETIMES", f"{text}, and becomes {target.iod.name}")
    if samples.times == 1:
        return ()
    if timed:
        return _frames(_frame_times(samples, wishes))
    weights = samples.weights or weights_beside(samples.files, samples.times, affine)
    if TIME_NUMBER not in target.iod.attributes:
        weights = None
    if weights is None:
        return (_times(samples.times, samples.time_step_s),)
    found = [Dimension(_B_VALUE, weights.b_values, "s/mm2")]
    if any(weights.directions):
        found.append(Dimension(_DIRECTION, weights.directions))
    if len(set(zip(*(d.values for d in found), strict=True))) < samples.times:  # measured more than once
        found.append(_times(samples.times, None))
    return tuple(found)


def _times(count: int, step_s: float | None) -> Dimension:
    if step_s is None:
        return Dimension(TIME_NUMBER, tuple(range(1, count + 1)))
    return Dimension(TIME_OFFSET, tuple(k * step_s for k in range(count)), "s")


def _frame_times(samples: Samples, wishes: Conversion) -> Times:
    said, count = wishes.frame_times, samples.times
    if said is None:
        found = times_beside(samples.files, count)
    elif isinstance(said, str):
        found = times_in(Path(said), count)
    else:
        found = _between(said, count)
    if found is None:
        raise GeometryError(
            "GEO-4D",
            f"{samples.name} holds {counted(count, 'volume')}, and nobody says when these frames begin and how long "
            f"they are: {flag('frame_times')} takes {count + 1} numbers, the begin of each and the end of the last, in "
            f"seconds, or a .json with FrameTimesStart and FrameDuration; {flag('frame_index', 'N')} takes one of them",
        )
    return found


def _between(edges: Sequence[float], count: int) -> Times:
    if len(edges) != count + 1 or any(b <= a for a, b in pairwise(edges)):
        raise UsageError(
            "OPT-FRAMETIMES",
            f"{flag('frame_times')} has {counted(len(edges), 'number')}; wanted {count + 1} that rise: the begin of "
            f"each of {counted(count, 'frame')}, and the end of the last",
        )
    return checked_times(Times(tuple(edges[:-1]), tuple(b - a for a, b in pairwise(edges))), flag("frame_times"))


def _frames(times: Times) -> tuple[Dimension, ...]:
    """Frame Reference Time is the middle of a frame (C.8.9.4.1.5), as of activity that hardly decays within one."""
    begins, lengths = times
    middles = tuple(_ms(b + n / 2) for b, n in zip(begins, lengths, strict=True))
    whole = tuple(round(_ms(n)) for n in lengths)  # Actual Frame Duration is an integer
    return Dimension(_REFERENCE_TIME, middles, "ms"), Dimension(_LENGTH, whole, "ms")


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 6)
