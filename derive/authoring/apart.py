"""One result, several series: one a volume, where no attribute tells volumes apart, or somebody wants it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from derive.authoring.options import Options
from derive.authoring.order import Order
from derive.authoring.prepare import source_encoding, uids_of, whole_step
from derive.errors import UsageError
from derive.model.colours import Colours
from derive.model.dimension import Dimension, tells_times, value_told
from derive.model.frames import Frames, Volumes
from derive.model.reference import frames_of_principal
from derive.model.vectors import frame_vectors
from derive.model.views import Views
from derive.pixels.encode import SourceEncoding

#: More characters of what tells a volume apart leave no room in a Series Description: its number is said instead.
LONGEST_PART = 32


def in_series(order: Order, options: Options) -> tuple[tuple[Order, Options], ...]:
    """Return what each series is made of, in the order of the volumes; the order itself where it becomes one.

    Those that are made beside it come behind: of other quantities, or of other stacks of the source.

    Parameters
    ----------
    order : Order
    options : Options
        A number that was given is that of the first series; a description is followed by which volume it is.

    Raises
    ------
    UsageError
        ``OPT-SERIES`` for a series a volume of frames that pass into another form.
    """
    own = _of_part(options, 0, order.part) if order.part else options
    made = _of_volumes(replace(order, companions=()), own)
    for companion in order.companions:
        beside = _of_part(options, len(made), companion.told)
        made = (*made, *_of_volumes(companion, beside))
    return made


def of_stacks(orders: Mapping[str, Order]) -> Order:
    """Return what becomes of the stacks of one source, by their names: the first, with the others beside it.

    The only one stays as it is.
    """
    if len(orders) == 1:
        return next(iter(orders.values()))
    named = ((name, each) for name, order in orders.items() for each in (order, *order.companions))
    first, *more = (replace(each, part=name, companions=()) for name, each in named)
    return replace(first, companions=tuple(more))


def _of_volumes(order: Order, options: Options) -> tuple[tuple[Order, Options], ...]:
    alone = _alone(order.frames)
    if order.derivation.passes and options.series_per == "volume":
        raise UsageError("OPT-SERIES", "frames that pass into another form stay one series; choose volumes one by one")
    if len(alone) < 2 or order.derivation.passes or not (options.series_per == "volume" or _apart(order)):
        return ((order, options),)
    own = f"{order.part}, " if order.part else ""
    told = [f"{own}{part}" for part in parts_told(order.frames)]
    beside = cache(lambda: uids_of(order, options))
    return tuple(
        (
            replace(order, frames=frames, stored=_stored(order, frames), part=part, beside=beside),
            _of_part(options, k, part),
        )
        for k, (frames, part) in enumerate(zip(alone, told, strict=True))
    )


def _alone(frames: Frames) -> tuple[Frames, ...]:
    """Return the frames of each volume by themselves; none of pictures."""
    if isinstance(frames, Views):
        return tuple(Views((images,)) for images in frames.images)
    if isinstance(frames, Colours):
        return frames.alone
    return tuple(Volumes((volume,)) for volume in frames.volumes)


def _stored(order: Order, alone: Frames) -> SourceEncoding:
    """What the stored values behind one volume were: it is stored as if it had been alone."""
    behind = frames_of_principal(sorted({ref for k in range(alone.count) for ref in alone.contributors(k)}))
    frames = order.source.frames
    if not (frames and behind):
        return order.stored
    step = whole_step(order.target, order.frames.quantity, order.derivation, order.sources)
    return source_encoding([frames[k] for k in behind], order.derivation, step)


def _apart(order: Order) -> bool:
    """Whether a series of this class cannot hold these volumes."""
    holds, said = (
        order.target.volumes,
        [d.keyword for d in order.frames.dimensions if d.keyword != order.target.duration],
    )
    return holds == "apart" or (holds == "times" and not all(map(tells_times, said))) or _counted(order)


def _counted(order: Order) -> bool:
    """Whether only the index vectors of one instance tell slices at one place apart, which single images have none of.

    *2026-12-01.* A capture has no module that says of which time slot it is: of gated nuclear medicine its images would
    lie at one place, and nobody could tell them apart.
    """
    geometry, said = order.frames.geometry, {d.keyword for d in order.frames.dimensions}
    lies = geometry is not None and geometry.in_patient
    return order.target.container == "single" and lies and bool(said & frame_vectors().keys())


def parts_told(frames: Frames) -> list[str]:
    """Say in a few words which volume each is: ``EchoTime 4.6 ms``; its number where that is long, or not its own."""
    count = len(_alone(frames))
    said = [", ".join(_told(d, k) for d in frames.dimensions) for k in range(count)]
    short = len(set(said)) == count and all(0 < len(text) <= LONGEST_PART and text.isprintable() for text in said)
    return said if short and not _with_backslash(said) else [f"volume {k} of {count}" for k in range(1, count + 1)]


def _told(dimension: Dimension, volume: int) -> str:
    return " ".join(filter(None, [dimension.keyword, value_told(dimension.values[volume]), dimension.units]))


def _with_backslash(texts: Sequence[str]) -> bool:
    """Whether any text would be several values of an attribute."""
    return any("\\" in text for text in texts)


def _of_part(options: Options, index: int, part: str) -> Options:
    number, described = options.series_number, options.series_description
    if described is not None and len(whole := f"{described}, {part}") <= 64:
        described = whole
    number = None if number is None else number + index
    return replace(options, series_number=number, series_description=described, one_object=False)
