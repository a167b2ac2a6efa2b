"""What is chosen of a series: a stack, some volumes, frames by their number or by what they say."""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, NoReturn, TypedDict

from derive import standard
from derive.elements.element import tag_of
from derive.errors import GeometryError, SourceError, UsageError
from derive.model.dimension import Dimension, DimensionValue, dimension_kinds, value_told
from derive.reading.dimension_pointers import classic_keyword
from derive.reading.dimension_values import NUMBERS, apartness
from derive.reading.header import Header
from derive.reading.incomplete import whole_volumes
from derive.reading.planes import StackPlanes, stack_planes
from derive.reading.stacks import ImageStack, one_stack, pictures_apart
from derive.told.secrecy import shown_term, some
from derive.told.wording import counted, flag

#: Numbers that differ by less, as a share, are what was asked for.
_SHARE = 1e-4
_CODE = "SRC-CHOICE"


class Chosen(TypedDict, total=False):
    """What :func:`derive.read` takes of it; each as the field of :class:`Choice`."""

    stack: str | int | None
    volumes: int | Iterable[int] | None
    where: Mapping[str, object] | None
    frames: str | int | Iterable[int] | None
    every_stack: bool


@dataclass(frozen=True)
class Choice:
    """What is wanted of a series; everything where nothing is said.

    Parameters
    ----------
    stack : str or int, optional
        Which stack: its place in the list that the error shows, or its name.
    volumes : tuple of int
        Which volumes, from 1, in their order; all where none is named.
    where : mapping keyword -> value
        What all frames say: ``{"DiffusionBValue": 0}``.
    frames : frozenset of int
        Which frames, from 1: those of one instance behind those of another, by their Instance Numbers.
    every_stack : bool
        Whether all stacks of pictures are wanted, which lie in no patient, where none is chosen.
    """

    stack: str | int | None = None
    volumes: tuple[int, ...] = ()
    where: Mapping[str, object] = field(default_factory=dict)
    frames: frozenset[int] = frozenset()
    every_stack: bool = False


def choice_of(said: Chosen) -> Choice:
    """Check what is said, before anything is read.

    Raises
    ------
    UsageError
        ``OPT-CHOICE`` for numbers that are none, and keywords that the data dictionary does not have.
    """
    where = dict(said.get("where") or {})
    for keyword in where:
        try:
            tag_of(keyword)
        except KeyError:
            raise UsageError("OPT-CHOICE", f"the data dictionary has no keyword {keyword!r}") from None
    volumes = tuple(sorted(set(_numbers("volumes", said.get("volumes")))))
    frames = frozenset(_numbers("frames", said.get("frames")))
    return Choice(said.get("stack"), volumes, where, frames, bool(said.get("every_stack")))


def _numbers(name: str, said: Any) -> list[int]:
    """Read ``1-40,45``, a number, or several."""
    if said is None:
        return []
    if isinstance(said, str):
        parts = [re.fullmatch(r"\s*(\d{1,9})\s*(?:-\s*(\d{1,9})\s*)?", part) for part in said.split(",")]
        ends = [(int(p[1]), int(p[2] or p[1])) for p in parts if p is not None]
        found = [] if None in parts else [n for first, last in ends for n in range(first, min(last, first + 10**6) + 1)]
    else:
        found = [said] if isinstance(said, int) else list(said)
    if not found or not all(isinstance(n, int) and n > 0 for n in found):
        raise UsageError("OPT-CHOICE", f"{flag(name, 'N')} takes numbers from 1 on, such as 1-40,45")
    return found


class LaidOut(NamedTuple):
    """What is wanted of a series, and where it lies."""

    stack: ImageStack
    lie: StackPlanes


def laid_out(headers: Sequence[Header], choice: Choice) -> LaidOut:
    """Return the frames that are wanted, volume after volume.

    A time that goes on from slice to slice is that of a volume: it chooses whole volumes, where it tells them apart.

    Raises
    ------
    SourceError
        ``SRC-CHOICE`` for what is not there, ``SRC-STACK``.
    GeometryError
        As :func:`derive.reading.stacks.one_stack` and :func:`derive.reading.planes.stack_planes`.
    """
    said, times = _said_beside_times(headers, choice)
    stack = one_stack(said, choice.stack)
    whole = _told_by(stack, times) if times else None
    if whole is not None:
        return LaidOut(stack, volumes_chosen(whole, choice.volumes))
    stack = ImageStack(stack.name, tuple(_all_say(stack.headers, times)))
    try:
        return LaidOut(stack, volumes_chosen(stack_planes(stack.headers), choice.volumes))
    except GeometryError:
        whole_ones = whole_volumes(stack.headers, choice.volumes) if choice.volumes else None
        if whole_ones is None:
            raise
    stack = ImageStack(stack.name, whole_ones)
    return LaidOut(stack, stack_planes(stack.headers))


def each_stack(headers: Sequence[Header], choice: Choice) -> tuple[Choice, ...]:
    """Return a choice of every stack where all are wanted, in their order; the choice itself where one is."""
    if not choice.every_stack or choice.stack is not None or choice.volumes:
        return (choice,)
    count = pictures_apart(_said_beside_times(headers, choice)[0])
    return tuple(replace(choice, stack=k) for k in range(1, count + 1)) if count > 1 else (choice,)


def _said_beside_times(headers: Sequence[Header], choice: Choice) -> tuple[Sequence[Header], dict[str, object]]:
    """Return the frames that say what is wanted, and what is left of it: times, which are those of volumes."""
    where = _where(headers, choice)
    times = {k: v for k, v in where.items() if k in dimension_kinds() and dimension_kinds()[k].kind == "time"}
    of_frames = {k: v for k, v in where.items() if k not in times}
    return _all_say(_numbered(headers, choice.frames), of_frames), times


def _told_by(stack: ImageStack, times: Mapping[str, object]) -> StackPlanes | None:
    """Return the volumes that are at certain times; None where times tell none apart."""
    try:
        lie = stack_planes(stack.headers)
    except GeometryError:
        return None
    told = {d.keyword: d.values for d in lie.dimensions}
    if not times.keys() <= told.keys():
        return None
    count = len(lie.order) // lie.geometry.shape[0]
    found = [v for v in range(count) if all(_is(told[k][v], wanted) for k, wanted in times.items())]
    if not found:
        _refuse(times, [value for keyword in times for value in told[keyword]])
    return volumes_chosen(lie, [v + 1 for v in found])


def _all_say(headers: Sequence[Header], where: Mapping[str, object]) -> Sequence[Header]:
    for keyword, value in where.items():
        headers = _which_say(headers, keyword, value)
    return headers


def in_order(headers: Sequence[Header]) -> list[Header]:
    """Return frames as they are numbered: those of one instance behind those of another."""

    def place(header: Header) -> tuple[float, str, int]:
        number = header.lenient.number("InstanceNumber")
        return math.inf if number is None else number, header.text("SOPInstanceUID"), header.frame_number

    return sorted(headers, key=place)


def frames_chosen(headers: Sequence[Header], choice: Choice) -> tuple[Header, ...]:
    """Return the frames that are wanted, each by its own number and what it says itself.

    Raises
    ------
    SourceError
        ``SRC-CHOICE`` where there are none.
    """
    return tuple(_all_say(_numbered(headers, choice.frames), _where(headers, choice)))


def _where(headers: Sequence[Header], choice: Choice) -> dict[str, object]:
    return {classic_keyword(keyword, headers): value for keyword, value in choice.where.items()}


def _numbered(headers: Sequence[Header], numbers: frozenset[int]) -> list[Header]:
    if not numbers:
        return list(headers)
    ordered = in_order(headers)
    if max(numbers) > len(ordered):
        raise SourceError(
            _CODE, f"frame {max(numbers)} is wanted; the series has {counted(len(ordered), 'frame')}, from 1 on"
        )
    return [header for number, header in enumerate(ordered, 1) if number in numbers]


def _which_say(headers: Sequence[Header], keyword: str, wanted: object) -> list[Header]:
    kind = dimension_kinds().get(keyword)
    said: Sequence[DimensionValue]
    if kind is not None and kind.kind in NUMBERS:
        said = apartness(headers, kind).values
    else:
        said = ["\\".join(h.lenient.texts(keyword)) or None for h in headers]
    found = [header for header, value in zip(headers, said, strict=True) if _is(value, wanted)]
    if not found:
        _refuse({keyword: wanted}, said)
    return found


def _refuse(where: Mapping[str, object], said: Sequence[DimensionValue]) -> NoReturn:
    keyword = next(iter(where))
    different = list(dict.fromkeys(map(_told, sorted(set(said), key=_place))))
    wanted = " ".join(flag("where", f"{k}={_said(v)}") for k, v in where.items())
    raise SourceError(
        _CODE,
        f"no image is chosen by {wanted}; of {keyword} the images have {some(different, 12)}",
        keyword=keyword,
    )


def _place(value: DimensionValue) -> tuple[int, tuple[float, ...], str]:
    """Return what sorts values: nothing, numbers, directions, texts."""
    if value is None or isinstance(value, str):
        return (0 if value is None else 3), (), value or ""
    return (2, value, "") if isinstance(value, tuple) else (1, (value,), "")


def _said(wanted: object) -> str:
    """Repeat what is wanted; texts as far as they are terms of the standard."""
    return str(wanted) if _as_numbers(wanted) else shown_term(str(wanted), standard.known_terms())


def _told(value: DimensionValue) -> str:
    """Numbers may be shown; of texts those that are terms of the standard."""
    return shown_term(value, standard.known_terms()) if isinstance(value, str) else value_told(value)


def _is(value: DimensionValue, wanted: object) -> bool:
    """Whether an image says what is wanted: the same number, the same direction, or one of the terms."""
    if value is None or wanted is None:
        return value is wanted or (value is None and str(wanted) in ("", "none"))
    if isinstance(value, str):
        text = str(wanted).strip().casefold()
        return any(fnmatch.fnmatchcase(one.casefold(), text) for one in (value, *value.split("\\")))
    numbers = _as_numbers(wanted)
    each = value if isinstance(value, tuple) else (float(value),)
    if len(numbers) != len(each):
        return False
    reach = max(1.0, *map(abs, each)) if isinstance(value, tuple) else max(map(abs, each))
    return all(abs(a - b) <= max(_SHARE * reach, 1e-9) for a, b in zip(each, numbers, strict=True))


def _as_numbers(wanted: object) -> tuple[float, ...]:
    parts = re.split(r"[\\,]", wanted) if isinstance(wanted, str) else wanted
    try:
        return tuple(float(v) for v in (parts if isinstance(parts, Iterable) else [parts]))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ()


def volumes_chosen(lie: StackPlanes, volumes: Sequence[int]) -> StackPlanes:
    """Return the volumes that are wanted.

    Raises
    ------
    SourceError
        ``SRC-CHOICE`` for one that is not there.
    """
    if not volumes:
        return lie
    slices = lie.geometry.shape[0]
    count = len(lie.order) // slices
    if volumes[-1] > count:
        raise SourceError(_CODE, f"volume {volumes[-1]} is wanted; the stack has {counted(count, 'volume')}, from 1 on")
    kept = [i for v in volumes for i in range((v - 1) * slices, v * slices)]
    planes = tuple(lie.planes[i] for i in kept)
    geometry = lie.geometry
    if geometry.in_patient:
        positions = tuple(plane.position for plane in planes[:slices])
        geometry = replace(geometry, first_position=positions[0], measured_positions=positions)
    dimensions = [Dimension(d.keyword, tuple(d.values[v - 1] for v in volumes), d.units) for d in lie.dimensions]
    told = tuple(d for d in dimensions if len(volumes) > 1 and len(set(d.values)) > 1)
    return lie._replace(order=tuple(lie.order[i] for i in kept), planes=planes, geometry=geometry, dimensions=told)
