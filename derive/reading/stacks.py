"""The stacks of a series: what lies one way, on one grid, and is one quantity; and which of them is wanted.

Stack ID is not asked: some scanners give one to three orientations, others one to every slice. Orientation, matrix and
pixel spacing tell where frames belong, and beyond these what the pixels are: a magnitude and a phase at one place are
no two volumes of one dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

import numpy as np

from derive.errors import DeriveError, GeometryError, SourceError
from derive.model.dimension import dimension_kinds
from derive.model.geometry import normal_of
from derive.model.orientation import ORIENTATION_MM, one_orientation, orientations, reach_mm, turned_mm
from derive.model.planes import alike, spacing_tolerance
from derive.model.quantities import TRACE, is_alone, order_of, quantities_said
from derive.model.vector_places import kind_of_frames
from derive.reading.cines import lies_in_patient
from derive.reading.dimension_values import apartness
from derive.reading.header import Header
from derive.reading.planes import plane_of, refuse_cosines
from derive.reading.vectors import has_vectors
from derive.told.wording import counted, flag

#: The plane of the patient along whose normal a stack lies: x, y, z.
_PLANES = ("sagittal", "coronal", "axial")
#: What tells stacks apart, with the code of its refusal.
_CLASS, _LOCALIZER = "SRC-CLASS", "SRC-LOCALIZER"
_MATRIX, _PIXELS, _ORIENTATION, _QUANTITY = "GEO-MATRIX", "GEO-PIXELS", "GEO-ORIENTATION", "SRC-STACK"
#: Refused where one stack is needed; of pictures each stack is processed by itself.
PARTED = frozenset({_MATRIX, _PIXELS})
_DIFFERS = {
    _CLASS: "the series holds volumes of several classes",
    _LOCALIZER: "some images are localizers (Image Type value 3), no slices of a volume",
    _MATRIX: "Rows and Columns differ",
    _PIXELS: "Pixel Spacing differs",
    _ORIENTATION: "Image Orientation (Patient) differs",
    _QUANTITY: "the images are of several quantities",
}
#: So many stacks of one image each are listed.
_LISTED = 4
_DIFFUSION = ("DiffusionBValue", "DiffusionGradientOrientation")


@dataclass(frozen=True)
class ImageStack:
    """Images of one orientation, matrix, pixel spacing and quantity: one volume, or several at one place.

    Parameters
    ----------
    name : str
        What tells it from the other stacks of its series; empty where there is one.
    headers : tuple of Header
        In no order.
    """

    name: str
    headers: tuple[Header, ...]


class _Group(NamedTuple):
    """Images that are alike so far, with what sorts and names them."""

    members: tuple[int, ...]
    key: tuple[object, ...] = ()
    words: tuple[tuple[str, str], ...] = ()


class _Alike(NamedTuple):
    """Some images of a group that are alike in one more thing."""

    members: Sequence[int]
    key: object
    word: str


def stacks_of(headers: Sequence[Header]) -> tuple[ImageStack, ...]:
    """Return the stacks of a series, in an order that does not follow from that of its files.

    Parameters
    ----------
    headers : sequence of Header
        Frames of one series.

    Raises
    ------
    GeometryError
        ``GEO-MISSING``, ``GEO-COSINES`` for images that do not say where they lie.
    """
    return tuple(ImageStack(name, tuple(headers[i] for i in g.members)) for name, g in _named(_groups(headers)))


def one_stack(headers: Sequence[Header], wanted: str | int | None) -> ImageStack:
    """Return the stack that is wanted; the only one where nothing is said.

    Parameters
    ----------
    headers : sequence of Header
        Frames of one series.
    wanted : str or int, optional
        Its place in the list that the error shows (``2``, ``#2``), or its name (``phase``).

    Raises
    ------
    GeometryError
        ``GEO-MATRIX``, ``GEO-PIXELS``, ``GEO-ORIENTATION`` where there are several, and what :func:`stacks_of` raises.
    SourceError
        ``SRC-LOCALIZER`` for localizers beside slices, ``SRC-STACK`` for several quantities, and where nothing,
        or more than one stack, is what is wanted.
    """
    groups = _groups(headers)
    stacks = [ImageStack(name, tuple(headers[i] for i in g.members)) for name, g in _named(groups)]
    if wanted is None:
        if len(stacks) > 1:
            code = next(code for code in _DIFFERS if any(code in dict(g.words) for g in groups))
            _refuse(code, _DIFFERS[code], stacks, **_off(code, headers))
        return stacks[0]
    said = str(wanted).strip().casefold().removeprefix("#")
    found = [s for n, s in enumerate(stacks, 1) if said in (str(n), s.name.casefold())]
    if len(found) != 1:
        _refuse(_QUANTITY, f"no stack is {said!r}" if not found else f"{len(found)} stacks are {said!r}", stacks)
    return found[0]


def pictures_apart(headers: Sequence[Header]) -> int:
    """Return into how many stacks pictures fall, each of which is processed by itself; 1 where nobody may part them.

    2026-12-01: the views of a mammography and the pictures of an ultrasound are one series of several matrices and
    pixel spacings, and nothing is done across them: all are meant. Of what lies in a patient, one volume is.

    Parameters
    ----------
    headers : sequence of Header
        Frames of one series.
    """
    if any(map(lies_in_patient, headers)):
        return 1
    groups = _groups(headers)
    return len(groups) if all({code for code, _ in g.words} <= PARTED for g in groups) else 1


def _off(code: str, headers: Sequence[Header]) -> dict[str, float]:
    """Return how far corners lie from where one orientation has them, mm; nothing where that is not what differs."""
    if code != _ORIENTATION:
        return {}
    planes = [plane_of(h) for h in headers]
    cosines = np.array([p.cosines for p in planes])
    reach = reach_mm(headers[0].integer("Rows"), headers[0].integer("Columns"), planes[0].pixel_spacing)
    return {"off_mm": float(turned_mm(cosines, one_orientation(cosines), reach).max())}


def _refuse(code: str, what: str, stacks: Sequence[ImageStack], **facts: float) -> NoReturn:
    rows = [
        f"#{n} {s.name or 'the only one'} ({counted(len(s.headers), 'image')}, e.g. {min(h.name for h in s.headers)})"
        for n, s in enumerate(stacks, 1)
    ]
    if code == _ORIENTATION and len(stacks) > 2 and all(len(s.headers) == 1 for s in stacks):
        what = f"the planes are not parallel, as of radial or fanned images: all {len(stacks)} lie another way"
        rows = [*rows[:_LISTED], f"and {len(rows) - _LISTED} more"] if len(rows) > _LISTED else rows
    off = facts.get("off_mm")
    what += (
        f": corners lie up to {off:.3g} mm from where one has them, wanted at most {ORIENTATION_MM} mm" if off else ""
    )
    kind: type[DeriveError] = SourceError if code in (_CLASS, _LOCALIZER, _QUANTITY) else GeometryError
    raise kind(
        code,
        f"{what}; there are {counted(len(stacks), 'stack')}: {', '.join(rows)}. Choose one with {flag('stack', 'N')}",
        stacks=[{"number": n, "name": s.name, "images": len(s.headers)} for n, s in enumerate(stacks, 1)],
        **facts,
    )


def _groups(headers: Sequence[Header]) -> list[_Group]:
    planes = [plane_of(h) for h in headers]
    cosines = np.array([p.cosines for p in planes])
    groups = [_Group(tuple(range(len(headers))))]

    def reach(members: Sequence[int]) -> tuple[float, float]:
        first = headers[members[0]]
        return reach_mm(first.integer("Rows"), first.integer("Columns"), planes[members[0]].pixel_spacing)

    def matrices(members: Sequence[int]) -> list[_Alike]:
        sizes = [(headers[i].integer("Rows") or 0, headers[i].integer("Columns") or 0) for i in members]
        return [
            _Alike([members[k] for k in kind], sizes[kind[0]], f"{sizes[kind[0]][1]} x {sizes[kind[0]][0]}")
            for kind in alike(sizes)
        ]

    def spacings(members: Sequence[int]) -> list[_Alike]:
        said = np.array([planes[i].pixel_spacing for i in members])
        kinds = alike(said, spacing_tolerance(said))
        return [
            _Alike([members[k] for k in kind], tuple(said[kind[0]]), "{1:.7g} x {0:.7g} mm".format(*said[kind[0]]))
            for kind in kinds
        ]

    def ways(members: Sequence[int]) -> list[_Alike]:
        refuse_cosines([headers[i] for i in members], cosines[list(members)], reach(members))
        kinds = orientations(cosines[list(members)], reach(members))
        return [_way([members[k] for k in kind], cosines) for kind in kinds]

    def kinds(members: Sequence[int]) -> list[_Alike]:
        told = [([i for i in members if is_localizer(headers[i]) is wanted], wanted) for wanted in (False, True)]
        return [_Alike(found, wanted, "localizer" if wanted else "slices") for found, wanted in told if found]

    def classes(members: Sequence[int]) -> list[_Alike]:
        found: dict[str, list[int]] = {}
        for i in members:
            found.setdefault(headers[i].sop_class_uid, []).append(i)
        return [_Alike(group, uid, headers[group[0]].class_name) for uid, group in found.items()]

    splits = [
        (_CLASS, classes),
        (_QUANTITY, lambda m: _kinds_of_frames(headers, m)),
        (_LOCALIZER, kinds),
        (_MATRIX, matrices),
        (_PIXELS, spacings),
        (_ORIENTATION, ways),
    ]
    for code, split in splits:
        groups = [part for group in groups for part in _parts(group, code, split)]
    groups = [part for g in groups for part in _parts(g, _QUANTITY, lambda m: _quantities(headers, m))]
    return sorted(groups, key=lambda g: g.key)


def _parts(group: _Group, code: str, split: Callable[[Sequence[int]], list[_Alike]]) -> list[_Group]:
    kinds = split(group.members)
    several = len(kinds) > 1
    return [
        _Group(
            tuple(kind.members),
            (*group.key, kind.key),
            (*group.words, (code, kind.word)) if several else group.words,
        )
        for kind in kinds
    ]


def _way(members: list[int], cosines: np.ndarray) -> _Alike:
    common = one_orientation(cosines[members])
    normal = normal_of(common[:3], common[3:])
    axis = int(np.abs(normal).argmax())
    return _Alike(members, (-axis, tuple(np.round(common, 4) + 0.0)), _PLANES[axis])


def _kinds_of_frames(headers: Sequence[Header], members: Sequence[int]) -> list[_Alike]:
    """Group images by what tells their frames apart, where that follows from what they are, and whether they lie."""
    found: dict[tuple[str, bool], list[int]] = {}
    for i in members:
        told = kind_of_frames(headers[i]) if has_vectors(headers[i]) else ""
        found.setdefault((told, lies_in_patient(headers[i])), []).append(i)
    return [_Alike(group, key, key[0].lower() or "other") for key, group in found.items()]


def _quantities(headers: Sequence[Header], members: Sequence[int]) -> list[_Alike]:
    """Group images by what they are; those that do not say it are of the others, where these are of one kind.

    A phase or a map says it of every image, and has none of those that say nothing. A trace beside images of single
    directions is computed of them; beside images without weighting only, it is the weighted volume.
    """
    traces = _traces([headers[i] for i in members])
    said: dict[tuple[str, ...], list[int]] = {}
    for index, trace in zip(members, traces, strict=True):
        named = tuple(q for q in quantities_of(headers[index]) if q != TRACE)
        said.setdefault((*named, TRACE) if trace else named, []).append(index)
    kinds = [quantity for quantity in said if quantity]
    if len(said) == 2 and () in said and not any(traces) and not is_alone(kinds[0]):
        return [_Alike(members, (), "")]
    return [_Alike(found, order_of(q), _word(q)) for q, found in said.items()]


def _word(quantities: tuple[str, ...]) -> str:
    return TRACE if TRACE in quantities else " ".join(quantities) or "other"


def _traces(headers: Sequence[Header]) -> list[bool]:
    """Tell of each image whether it is a trace beside images of single directions."""
    isotropic = [h.lenient.text("DiffusionDirectionality") == "ISOTROPIC" for h in headers]
    named = [TRACE in quantities_of(h) for h in headers]
    if not any(isotropic) and not any(named):
        return named
    b_values, directions = (apartness(headers, dimension_kinds()[k]).values for k in _DIFFUSION)
    traces = [n or (i and bool(b)) for n, i, b in zip(named, isotropic, b_values, strict=True)]
    directed = any(d and b and not t for d, b, t in zip(directions, b_values, traces, strict=True))
    return [directed and trace for trace in traces]


def is_localizer(header: Header) -> bool:
    """Whether an image only shows where others lie (Image Type value 3: PS3.3 C.8.2.1.1.1)."""
    return [text.strip() for text in header.lenient.texts("ImageType")[2:3]] == ["LOCALIZER"]


def quantities_of(header: Header) -> tuple[str, ...]:
    """Return the quantities that a frame says it is of (PS3.3 C.8.3.1.1.1, C.8.13.3.1.1); none where it does not."""
    lenient = header.lenient
    terms = [*lenient.texts("ImageType")[2:], *lenient.texts("FrameType")[2:], lenient.text("ComplexImageComponent")]
    return quantities_said(terms)


def _named(groups: Sequence[_Group]) -> list[tuple[str, _Group]]:
    """Name each group by what not all of them have; orientations of one plane are told apart by their number."""
    names = [" ".join(word for _, word in group.words) for group in groups]
    return [
        (f"{name} {names[: place + 1].count(name)}" if names.count(name) > 1 and name else name, group)
        for place, (name, group) in enumerate(zip(names, groups, strict=True))
    ]
