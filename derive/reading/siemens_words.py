"""What Siemens says of diffusion where it is in no attribute of its own: in the CSA header, in a matrix, in a name.

::

    (0019,xx0C), (0019,xx0E), (0019,xx0D) ─▶ CSA header (0029,xx10) ─▶ b-matrix ─▶ Sequence Name ``*ep_b1000#12``

Systems before VB have only the CSA header; a de-identification often leaves only the name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from derive.elements.csa import NoCsa, read_csa
from derive.elements.element import Element, tag_of
from derive.elements.encoding import numbers_of, text_of
from derive.elements.private_read import private_reads
from derive.standard import safe_private

_CREATOR = "SIEMENS MR HEADER"
_B_VALUE, _DIRECTIONALITY, _DIRECTION, _MATRIX = (safe_private()[0x0019, _CREATOR, n].tag for n in (12, 13, 14, 39))
_NAME = tag_of("SequenceName")
#: Private attributes of its that say something of diffusion.
SIEMENS_TAGS = frozenset({_B_VALUE, _DIRECTIONALITY, _DIRECTION, _MATRIX})
#: As in ``*ep_b1000#12``, ``ep_b50t``: the b-value behind the last underscore, then what it is of.
#: A single digit is none: ``b0`` says nothing, and ``b1`` is a map of another field.
_OF_NAME = re.compile(r"\*?[a-z][a-z0-9_]*_b(\d{2,5})(t|#\d+)?")
#: Of the trace of a matrix, the share of its largest part from which on one gradient made it.
_ONE_GRADIENT = 0.9


class Diffusion(NamedTuple):
    """What an image says of diffusion.

    Parameters
    ----------
    b_value : float, optional
        s/mm2.
    direction : tuple of float
        Of the patient, x y z; empty where none is told.
    isotropic : bool
        Whether it is of no single direction: a trace.
    """

    b_value: float | None = None
    direction: tuple[float, ...] = ()
    isotropic: bool = False


def diffusion_of(elements: Mapping[int, Element], privates: Sequence[Element]) -> Diffusion:
    """Return what an image says of diffusion in words of Siemens, what says it best first.

    *2026-12-01.* A b-matrix of one gradient gives its direction but for the sign, which makes no difference to
    diffusion. The number behind a name counts images, and is no direction.

    Parameters
    ----------
    elements : mapping tag -> Element
        Of a single-frame image.
    privates : sequence of Element
        Private attributes that are read beside them.
    """
    told = [_of_attributes(elements)]
    csa = next((e.value for e in privates if e.tag in _csa_tags()), b"")
    told += [_of_csa(csa)] if csa else []
    told += [_of_name(text_of(elements[_NAME]))] if _NAME in elements else []
    return Diffusion(
        next((d.b_value for d in told if d.b_value is not None), None),
        next((d.direction for d in told if d.direction), ()),
        any(d.isotropic for d in told),
    )


@lru_cache(maxsize=1)
def _csa_tags() -> frozenset[int]:
    return frozenset(row.tag for row in private_reads() if row.reads == "csa")


def _of_attributes(elements: Mapping[int, Element]) -> Diffusion:
    if _B_VALUE not in elements and _MATRIX not in elements:
        return Diffusion()
    b_value, matrix = (_numbers(elements, tag) for tag in (_B_VALUE, _MATRIX))
    kind = text_of(elements[_DIRECTIONALITY]) if _DIRECTIONALITY in elements else ""
    return _told(b_value, _numbers(elements, _DIRECTION), matrix, kind)


def _numbers(elements: Mapping[int, Element], tag: int) -> list[float]:
    return [float(v) for v in numbers_of(elements[tag])] if tag in elements else []


@lru_cache(maxsize=4096)
def _of_csa(value: bytes) -> Diffusion:
    try:
        texts = {tag.name: tag.texts for tag in read_csa(value).tags}
        b_value, direction, matrix = (
            [float(v) for v in texts.get(name, ())] for name in ("B_value", "DiffusionGradientDirection", "B_matrix")
        )
    except (NoCsa, ValueError):
        return Diffusion()
    return _told(b_value, direction, matrix, "".join(texts.get("DiffusionDirectionality", ())[:1]))


def _told(b_value: list[float], direction: list[float], matrix: list[float], kind: str) -> Diffusion:
    if not all(map(math.isfinite, (*b_value, *direction, *matrix))):
        return Diffusion()
    isotropic = kind.strip() == "ISOTROPIC"
    weight, found = of_matrix(matrix)
    along = tuple(direction) if len(direction) == 3 and any(direction) else () if isotropic else found
    return Diffusion(b_value[0] if b_value else weight, along, isotropic)


def of_matrix(matrix: Sequence[float]) -> tuple[float | None, tuple[float, ...]]:
    """Return the b-value of a b-matrix, its trace; and the direction of its gradient, where it has one.

    Parameters
    ----------
    matrix : sequence of float
        xx, xy, xz, yy, yz, zz, s/mm2.
    """
    if len(matrix) != 6:
        return None, ()
    xx, xy, xz, yy, yz, zz = matrix
    strengths, ways = np.linalg.eigh(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
    weight = float(strengths.sum())
    if weight <= 0:
        return 0.0, ()
    one = strengths[-1] >= _ONE_GRADIENT * weight
    return weight, tuple(float(v) for v in ways[:, -1] * (np.sign(ways[:, -1].sum()) or 1.0)) if one else ()


def _of_name(name: str) -> Diffusion:
    found = _OF_NAME.fullmatch(name.strip())
    return Diffusion() if found is None else Diffusion(float(found[1]), (), found[2] == "t")
