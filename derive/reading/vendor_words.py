"""What vendors say in private attributes and comments, in the words of the standard: ``DiffusionBValue`` of GE.

An image that says it in the attribute of the standard is left as it is. Results are written in that one: it goes on
where private attributes do not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode, numbers_of, pack_item, text_of
from derive.elements.private_read import private_reads
from derive.model.dimension import dimension_kinds
from derive.model.functional_groups import flattened
from derive.model.moments import moment_of
from derive.model.quantities import quantities_said
from derive.reading.header import Header
from derive.reading.siemens_words import SIEMENS_TAGS, Diffusion, diffusion_of, of_matrix
from derive.standard import safe_private

_B_VALUE, _DIRECTION, _COMMENTS, _NAME = (
    tag_of(k) for k in ("DiffusionBValue", "DiffusionGradientOrientation", "ImageComments", "SequenceName")
)
_DIRECTIONALITY = tag_of("DiffusionDirectionality")
_SEQUENCES = tuple(
    tag_of(k) for k in ("MRDiffusionSequence", "DiffusionGradientDirectionSequence", "DiffusionBMatrixSequence")
)
_MATRIX = tuple(tag_of(f"DiffusionBValue{axes}") for axes in ("XX", "XY", "XZ", "YY", "YZ", "ZZ"))
_OF_DIFFUSION = {_B_VALUE, _DIRECTION, _DIRECTIONALITY, *_MATRIX}
#: Kinds of directionality that have no direction, whatever a matrix beside them says.
_OF_NONE = ("NONE", "ISOTROPIC")
#: Philips: I for a trace.
_OF_PHILIPS = safe_private()[0x2001, "Philips Imaging DD 001", 4].tag
#: An image that has none of these has nothing to say in other words.
_TELLING = frozenset({_COMMENTS, _NAME, _OF_PHILIPS, *_SEQUENCES, *SIEMENS_TAGS})
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
    if not header.privates and _TELLING.isdisjoint(header.elements):
        return header
    siemens = diffusion_of(header.elements, header.privates)
    said = {tag: e for tag, e in _nested(header).items() if tag not in header.elements}
    found = _b_value(header, siemens), _directionality(header, siemens), _component(header), _scan(header)
    for element in found:
        if element is not None and element.tag not in header.elements:
            said.setdefault(element.tag, element)
    whole = {**header.elements, **said}
    if _DIRECTION not in whole and _is_weighted(whole):
        said |= _directed(whole) or _told(_direction(header, siemens))
    if not said:
        return header
    return replace(header, elements=dict(sorted({**header.elements, **said}.items())), tags=header.tags.union(said))


def directed(elements: Mapping[int, Element]) -> Mapping[int, Element]:
    """Return what an image or frame says, with the direction that only its b-matrix tells (PS3.3 C.8.13.5.9)."""
    return elements if _DIRECTION in elements else {**elements, **_directed(elements)}


def _directed(elements: Mapping[int, Element]) -> dict[int, Element]:
    if _MATRIX[0] not in elements or not all(tag in elements for tag in _MATRIX):
        return {}
    if _DIRECTIONALITY in elements and text_of(elements[_DIRECTIONALITY]).strip() in _OF_NONE:
        return {}
    return _told(of_matrix([float(v) for tag in _MATRIX for v in numbers_of(elements[tag])])[1])


def _told(direction: Sequence[float]) -> dict[int, Element]:
    """Return a direction as a unit vector of the patient; nothing for what is none."""
    length = float(np.linalg.norm(direction)) if len(direction) == 3 else 0.0
    if not 1e-6 < length <= _LONGEST:
        return {}
    unit = tuple(float(v) for v in np.round(np.array(direction) / length, 7) + 0.0)
    return {_DIRECTION: _made("DiffusionGradientOrientation", unit)}


def _nested(header: Header) -> dict[int, Element]:
    """Return what is said in the sequences of a macro, which converted single-frame images keep (PS3.3 C.8.13.5.9)."""
    whole, *parts = _SEQUENCES
    found = flattened({whole: header.elements[whole]}) if whole in header.elements else {}
    inside = [header.elements[tag] for tag in parts if tag in header.elements]
    found |= flattened({whole: Element(whole, "SQ", pack_item(inside))}) if inside else {}
    return {tag: e for tag, e in found.items() if tag in _OF_DIFFUSION and e.value}


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


def _b_value(header: Header, siemens: Diffusion) -> Element | None:
    """Return the b-value of an image that has one; what is not weighted says nothing, as every other image does."""
    if any(tag in header.elements for tag in dimension_kinds()["DiffusionBValue"].private):
        return None
    offset = _values(header, "DiffusionBValue", "offset")[:1]
    said = [v % _GE_OFFSET for v in offset] or _values(header, "DiffusionBValue", "number") or _commented(header)[:1]
    said = said or ([] if siemens.b_value is None else [siemens.b_value])
    return _made("DiffusionBValue", (said[0],)) if said and said[0] > 0 else None


def _directionality(header: Header, siemens: Diffusion) -> Element | None:
    """Return that an image is of no single direction, as Siemens and Philips say it."""
    philips = header.elements.get(_OF_PHILIPS)
    isotropic = siemens.isotropic or (philips is not None and text_of(philips).strip() == "I")
    return encode("DiffusionDirectionality", "ISOTROPIC") if isotropic else None


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


def _direction(header: Header, siemens: Diffusion) -> Sequence[float]:
    """Return the direction of the gradient along the axes of the patient (C.8.13.5.9); empty where it is not told."""
    found = _values(header, "DiffusionGradientOrientation", "patient")
    found = found or _of_patient(header, _values(header, "DiffusionGradientOrientation", "image"))
    if found:
        return found
    commented = _commented(header)[1:]
    logical = _values(header, "DiffusionGradientOrientation", "logical") or [*commented[1::-1], *commented[2:]]
    return _of_patient(header, _of_image(header, logical)) or siemens.direction


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


@lru_cache(maxsize=4096)
def _made(keyword: str, values: tuple[float, ...]) -> Element:
    return encode(keyword, list(values) if len(values) > 1 else values[0])
