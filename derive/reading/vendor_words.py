"""What vendors say in private attributes and comments, in the words of the standard: ``DiffusionBValue`` of GE.

An image that says it in the attribute of the standard is left as it is. Results are written in that one: it goes on
where private attributes do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, numbers_of, text_of
from derive.elements.private_read import private_reads
from derive.model.dimension import dimension_kinds
from derive.model.moments import moment_of
from derive.model.quantities import quantities_said
from derive.reading.header import Header

_B_VALUE, _DIRECTION, _COMPONENT, _COMMENTS = (
    tag_of(k) for k in ("DiffusionBValue", "DiffusionGradientOrientation", "ComplexImageComponent", "ImageComments")
)
#: GE adds 10^9 to b-values of series with several (conformance statements of DV24 on); none is so high without it.
_GE_OFFSET = 100_000
#: The component of an image, by its private Image Type of GE.
_COMPONENTS = ("MAGNITUDE", "PHASE", "REAL", "IMAGINARY")
#: Longer vectors are no directions, but what a protocol keeps in the same place; shorter ones scale the b-value.
_LONGEST = 1.1
#: Which way a vector points along rows, columns and normal of sagittal, coronal and axial images.
_SIGNS = ((1, 1, -1), (-1, 1, 1), (-1, -1, 1))
_NUMBER = r"([-+]?\d+(?:\.\d*)?)"
#: As Canon's scanners comment on single-frame images: ``b=1500(0.445,0.000,0.895)``.
_COMMENT = re.compile(rf"b={_NUMBER}(?:\({_NUMBER},{_NUMBER},{_NUMBER}\))?")


def in_words_of_the_standard(header: Header) -> Header:
    """Return the header of a single-frame image with what its private attributes and comments say in other words."""
    if not header.privates and _COMMENTS not in header.elements:
        return header
    said: dict[int, Element] = {}
    for keyword, read in _READERS.items():
        if tag_of(keyword) not in header.elements and (element := read(header)) is not None:
            said[element.tag] = element
    if _DIRECTION not in header.elements and _is_weighted({**header.elements, **said}):
        direction = _direction(header)
        said |= {} if direction is None else {_DIRECTION: direction}
    if not said:
        return header
    elements = dict(sorted({**header.elements, **said}.items()))
    return replace(header, elements=elements, tags=header.tags.union(said))


def _is_weighted(elements: Mapping[int, Element]) -> bool:
    """Whether an image has a b-value, in whichever attribute: the others hold no direction, but something else."""
    tags = (_B_VALUE, *dimension_kinds()["DiffusionBValue"].private)
    return next((any(numbers_of(elements[tag])) for tag in tags if tag in elements), False)


def _values(header: Header, keyword: str, reads: str) -> list[float]:
    """Return the values of the private attributes that are read so for a keyword, those of one behind the other."""
    tags = {row.tag for row in private_reads() if (row.keyword, row.reads) == (keyword, reads)}
    found = sorted((e for e in header.privates if e.tag in tags), key=lambda e: e.tag)
    numbers = [float(v) for e in found for v in numbers_of(e)]
    return numbers if np.isfinite(numbers).all() else []


def _b_value(header: Header) -> Element | None:
    """Return the b-value of an image that has one; what is not weighted says nothing, as every other image does."""
    offset = _values(header, "DiffusionBValue", "offset")[:1]
    said = [v % _GE_OFFSET for v in offset] or _values(header, "DiffusionBValue", "number") or _commented(header)[:1]
    return _made("DiffusionBValue", (said[0],)) if said and said[0] > 0 else None


def _scan(header: Header) -> Element | None:
    """Return when the scan began, to which GE's scanners correct values; that of series that were made later too."""
    tags = {row.tag for row in private_reads() if row.reads == "scan"}
    said = next((e for e in header.privates if e.tag in tags), None)
    if said is None or header.lenient.text("DecayCorrection") != "START" or moment_of(text_of(said)) is None:
        return None
    return encode("DecayCorrectionDateTime", text_of(said))


def _component(header: Header) -> Element | None:
    """Return the component that an image says; none where its Image Type says it."""
    said = _values(header, "ComplexImageComponent", "component")[:1]
    if not said or said[0] not in range(len(_COMPONENTS)) or quantities_said(header.lenient.texts("ImageType")[2:]):
        return None
    return encode("ComplexImageComponent", _COMPONENTS[int(said[0])])


def _direction(header: Header) -> Element | None:
    """Return the direction of the gradient, as a unit vector of the patient (PS3.3 C.8.13.5.9)."""
    found = _values(header, "DiffusionGradientOrientation", "patient")
    found = found or _of_patient(header, _values(header, "DiffusionGradientOrientation", "image"))
    if not found:
        commented = _commented(header)[1:]
        logical = _values(header, "DiffusionGradientOrientation", "logical") or [*commented[1::-1], *commented[2:]]
        found = _of_patient(header, _of_image(header, logical))
    length = float(np.linalg.norm(found)) if len(found) == 3 else 0.0
    if not 1e-6 < length <= _LONGEST:
        return None
    return _made("DiffusionGradientOrientation", tuple(float(v) for v in np.round(np.array(found) / length, 7) + 0.0))


def _of_image(header: Header, logical: Sequence[float]) -> list[float]:
    """Turn a direction along frequency, phase and slice encoding into one along rows, columns and normal.

    *2026-12-01.* Nobody documents the signs. They are those of dcm2niix, whose directions of GE and Canon are in use;
    which of a vector and its opposite is meant makes no difference to diffusion. Empty where it cannot be told.
    """
    encoded = header.lenient.text("InPlanePhaseEncodingDirection")
    axes = _axes(header)
    if len(logical) != 3 or axes is None or encoded not in ("ROW", "COL"):
        return []
    frequency, phase, through = logical
    in_plane = (frequency, phase) if encoded == "COL" else (phase, -frequency)
    signs = _SIGNS[int(np.abs(axes[2]).argmax())]
    return [sign * v for sign, v in zip(signs, (*in_plane, through), strict=True)]


def _of_patient(header: Header, along: Sequence[float]) -> list[float]:
    """Turn a direction along rows, columns and normal into one of the patient; empty where it cannot be told."""
    axes = _axes(header)
    return [] if len(along) != 3 or axes is None else [float(v) for v in np.asarray(along) @ axes]


def _axes(header: Header) -> NDArray[np.float64] | None:
    cosines = header.lenient.numbers("ImageOrientationPatient", 6)
    return np.array([cosines[:3], cosines[3:], np.cross(cosines[:3], cosines[3:])]) if cosines else None


def _commented(header: Header) -> list[float]:
    """Return the b-value, and the direction where it is told, of Image Comments; empty for any other comment."""
    found = _COMMENT.fullmatch(header.lenient.text("ImageComments").replace(" ", ""))
    return [] if found is None else [float(v) for v in found.groups() if v is not None]


#: What finds an attribute that images do not have, by its keyword.
_READERS: Mapping[str, Callable[[Header], Element | None]] = {
    "DiffusionBValue": _b_value,
    "ComplexImageComponent": _component,
    "DecayCorrectionDateTime": _scan,
}


@lru_cache(maxsize=4096)
def _made(keyword: str, values: tuple[float, ...]) -> Element:
    return encode(keyword, list(values) if len(values) > 1 else values[0])
