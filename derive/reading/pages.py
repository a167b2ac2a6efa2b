"""What stands in a series and is no slice of it: pages of a report, pictures of a screen, scouts of another class.

They are left out, with a reason; nothing is that could be a slice which is missing otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from derive import standard
from derive.elements.element import tag_of
from derive.errors import SourceError
from derive.model.classes import is_captured, target_of
from derive.model.geometry import Triple, normal_of, triple
from derive.model.source import Skipped
from derive.reading.frames import frames_of
from derive.reading.groups import distinct, tallied
from derive.reading.header import Header
from derive.reading.stacks import is_localizer

_PLACE = frozenset(tag_of(k) for k in ("ImagePositionPatient", "ImageOrientationPatient"))
#: Values 1 and 2 of the Image Type of what was made of other images (PS3.3 C.7.6.1.1.2).
_MADE = ("DERIVED", "SECONDARY")
#: Normals with a smaller cosine between them are of different planes.
_PARALLEL = 0.99


class WithoutPages(NamedTuple):
    """The images of a series, and what was left out of it."""

    headers: list[Header]
    skipped: list[Skipped]


def without_pages(headers: Sequence[Header]) -> WithoutPages:
    """Leave out what is no slice: what lies nowhere and was made of other images, and single views of another class.

    Parameters
    ----------
    headers : sequence of Header
        Instances of one series, of classes that are read.

    Raises
    ------
    SourceError
        ``SRC-CLASS`` for several classes of which nothing says that only one holds slices, and what
        :func:`derive.reading.frames.frames_of` raises.
    """
    views = not any(target_of(h.sop_class_uid).in_patient for h in headers)
    placed = [h for h in headers if views or not _is_page(h)]
    if not placed:
        return WithoutPages(list(headers), [])
    left = [h for h in headers if not views and _is_page(h)]
    pages = [Skipped(h.name, "a page: it has no place in the patient") for h in left]
    classes = distinct(placed, lambda h: h.sop_class_uid)
    volumes = {uid: group for uid, group in classes.items() if _holds_volume(group)}
    if len(classes) == 1:
        return WithoutPages(placed, pages)
    if not volumes:
        refuse_classes(placed)
    slices = [h for group in volumes.values() for h in group]
    apart = [h for h in placed if h.sop_class_uid not in volumes]
    if any(_lies_as(h, slices) for h in apart):
        refuse_classes(placed)
    scouts = [Skipped(h.name, f"no slice of the series, and of another class: {h.class_name}") for h in apart]
    return WithoutPages([h for h in placed if h.sop_class_uid in volumes], [*pages, *scouts])


def refuse_classes(headers: Sequence[Header]) -> None:
    """Refuse images of several classes.

    Raises
    ------
    SourceError
        ``SRC-CLASS``
    """
    classes = distinct(headers, lambda h: h.class_name)
    if len(classes) > 1:
        raise SourceError("SRC-CLASS", f"the series holds several classes: {tallied(classes)}; wanted one")


def _is_page(header: Header) -> bool:
    """Whether an image of one frame lies nowhere and was captured, or made of others; who says less lost it."""
    single = standard.is_single_frame(header.sop_class_uid)
    if any(header.elements[tag].value for tag in _PLACE if tag in header.elements):
        return False
    if single and is_captured(header.sop_class_uid):
        return True
    made = tuple(text.strip() for text in header.lenient.texts("ImageType")[:2]) == _MADE
    return single and made


def _holds_volume(headers: Sequence[Header]) -> bool:
    slices = [h for h in headers if not is_localizer(h)]
    return len(slices) > 1 or any((h.lenient.integer("NumberOfFrames") or 1) > 1 for h in slices)


def _lies_as(header: Header, slices: Sequence[Header]) -> bool:
    """Whether an image has the matrix and the plane of one of the slices; what has both may be one of them."""
    if is_localizer(header):
        return False
    normal = _normal(header)
    alike = [s for s in slices if _matrix(s) == _matrix(header)]
    others = [_normal(s) for s in alike]
    return any(normal is None or n is None or abs(float(np.dot(normal, n))) > _PARALLEL for n in others)


def _matrix(header: Header) -> tuple[int | None, int | None]:
    return header.lenient.integer("Rows"), header.lenient.integer("Columns")


def _normal(header: Header) -> Triple | None:
    """Which way an image looks, of many frames the first; None where it does not say it."""
    header = header if standard.is_single_frame(header.sop_class_uid) else frames_of(header)[0]
    cosines = header.lenient.numbers("ImageOrientationPatient", 6)
    return normal_of(triple(cosines[:3]), triple(cosines[3:])) if cosines else None
