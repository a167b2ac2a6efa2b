"""DICOM Segmentations: binary, fractional, and label maps; frames by their plane and their segment (PS3.3 C.8.20).

*2026-12-01.* They are no images that are derived from, and so no class of ``classes.tsv``: a mask is all that they are
for here. Headers, functional groups and pixels are read as those of images are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pydicom.uid import UID, SegmentationStorage

from codes import Code
from derive.elements.element import GROUPS_OF_FRAMES, Element, tag_of
from derive.elements.instance import Instance
from derive.errors import SourceError, ValuesError
from derive.model.attribute_table import AttributeTable
from derive.model.geometry import Plane, triple
from derive.model.segmentation import Segmentation, SegmentSaid
from derive.model.segments import ALGORITHM_TYPES
from derive.model.source import SourceSeries
from derive.model.source_frame import SourceFrame
from derive.pixels.decode import PixelLayout, decode
from derive.pixels.frames import frame_pixels
from derive.reading.files import Source
from derive.reading.header import Header
from derive.reading.macros import groups_of
from derive.reading.read import series_of
from derive.reading.scan import all_of
from derive.reading.select import apart
from derive.told.secrecy import shown_term, shown_uid
from derive.told.wording import counted, flag

#: Label Map Segmentation Storage, which is younger than pydicom's names.
LABEL_MAP = UID("1.2.840.10008.5.1.4.1.1.66.7")
CLASSES = frozenset({SegmentationStorage, LABEL_MAP})
_FRACTIONAL = "FRACTIONAL"
_HOW = frozenset(how.upper() for how in ALGORITHM_TYPES)
#: What of a segmentation is said of the instances that it was made of: it is referred to itself.
_OF_SOURCES = frozenset(
    tag_of(keyword)
    for keyword in (
        *("SourceImageSequence", "ReferencedSeriesSequence", "StudiesContainingOtherReferencedInstancesSequence"),
        *("SourceImageEvidenceSequence", "ReferencedImageSequence"),
    )
)


def is_segmentation(header: Header) -> bool:
    """Whether an object is a Segmentation."""
    return header.sop_class_uid in CLASSES


def read_segmentation(source: Source, *, series: str | None = None) -> Segmentation:
    """Read a DICOM Segmentation, to mask a series by its segments.

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        What holds one, beside other objects or not.
    series : str, optional
        Its Series Instance UID or its SOP Instance UID, where there are several.

    Returns
    -------
    Segmentation
        Binary, fractional, or a label map.

    Raises
    ------
    SourceError
        ``SRC-NONE`` without one, ``SRC-SERIES`` for several, ``SRC-FRAMES``, ``SRC-VALUE``, ``SRC-SYNTAX``.
    ValuesError
        ``VAL-TRUNCATED``, ``VAL-LENGTH``, ``VAL-BITS``

    Examples
    --------
    >>> import derive
    >>> from derive.operations import mask
    >>> ct = derive.demo_series()
    >>> derive.build(ct, mask(derive.read_segmentation("seg.dcm"), segment="2"))  # doctest: +SKIP
    """
    return _one(all_of(source)[0], series)


def read_other(source: Source, series: str | None = None) -> SourceSeries | Segmentation:
    """Read what goes into an operation beside a series: another one, or where there is none a Segmentation.

    Raises
    ------
    SourceError, GeometryError, ValuesError
        As :func:`derive.reading.read.read` and :func:`read_segmentation`.
    """
    headers, skipped = all_of(source)
    if not apart(headers)[0] and any(map(is_segmentation, headers)):
        return _one(headers, series)
    return series_of(headers, skipped, series)


def _one(headers: list[Header], series: str | None) -> Segmentation:
    found = {h.text("SOPInstanceUID"): h for h in headers if is_segmentation(h)}
    wanted = [h for uid, h in found.items() if series in (None, uid, h.text("SeriesInstanceUID"))]
    if not found:
        raise SourceError("SRC-NONE", f"no Segmentation was found among {counted(len(headers), 'object')}")
    if len(wanted) != 1:
        listed = "\n".join(f"  {shown_uid(uid)}" for uid in found)
        raise SourceError(
            "SRC-SERIES", f"choose one Segmentation by its SOP Instance UID ({flag('series', 'UID')}):\n{listed}"
        )
    return segmentation_of(wanted[0])


def segmentation_of(header: Header) -> Segmentation:
    """Make a source of the header of a Segmentation.

    Raises
    ------
    SourceError, ValuesError
        As :func:`read_segmentation`.
    """
    groups = groups_of(header)
    shared = _item(header, groups.shared)
    own = [_item(header, each) for each in groups.own]
    label_map = header.sop_class_uid == LABEL_MAP
    segments = tuple(0 if label_map else _segment(header, each, shared) for each in own)
    said = dict(_said_of(header))
    unknown = {n for n in segments if n} - said.keys()
    if unknown:
        raise SourceError(
            "SRC-VALUE", f"{header.name} has frames of segment {min(unknown)}, which its Segment Sequence does not list"
        )
    fractional = header.text("SegmentationType") == _FRACTIONAL
    most = (header.integer("MaximumFractionalValue") or 0) if fractional else 0
    if fractional and most < 1:
        raise ValuesError("VAL-BITS", f"{header.name} is FRACTIONAL and has no Maximum Fractional Value above 0")
    elements = {t: e for t, e in header.elements.items() if t not in GROUPS_OF_FRAMES | _OF_SOURCES}
    return Segmentation(
        table=AttributeTable(len(own) + 1, elements, {}, header.encodings),
        tags=frozenset(elements),
        frames=tuple(_frames(header, own, shared)),
        frame_of_reference_uid=header.text("FrameOfReferenceUID"),
        said_of=said,
        segments=segments,
        most=most,
        step_mm=_step(own, shared),
    )


def _item(header: Header, macros: Mapping[int, Element]) -> Instance:
    return Instance(header.name, dict(macros), strict=False, around=header.encodings)


def _said_of(header: Header) -> Iterator[tuple[int, SegmentSaid]]:
    for item in header.items("SegmentSequence"):
        number = item.integer("SegmentNumber")
        if number:  # 0 is what belongs to none (PS3.3 C.8.20.4)
            category, type_ = (_code(item, f"SegmentedProperty{which}CodeSequence") for which in ("Category", "Type"))
            how = shown_term(item.text("SegmentAlgorithmType"), _HOW)
            yield number, SegmentSaid(item.text("SegmentLabel"), category, type_, how)


def _code(item: Instance, keyword: str) -> Code | None:
    for code in item.items(keyword):
        return Code(code.text("CodeValue"), code.text("CodingSchemeDesignator"), code.text("CodeMeaning"), "")
    return None


def _segment(header: Header, own: Instance, shared: Instance) -> int:
    number = _said(own, shared, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
    if number is None:
        raise SourceError("SRC-VALUE", f"{header.name} has a frame that does not say of which segment it is")
    return int(number[0])


def _said(own: Instance, shared: Instance, macro: str, keyword: str) -> tuple[float, ...] | None:
    found = (item.numbers(keyword) for where in (own, shared) for item in where.items(macro))
    return next((numbers for numbers in found if numbers), None)


def _plane(header: Header, own: Instance, shared: Instance) -> Plane:
    position = _said(own, shared, "PlanePositionSequence", "ImagePositionPatient") or ()
    cosines = _said(own, shared, "PlaneOrientationSequence", "ImageOrientationPatient") or ()
    spacing = _said(own, shared, "PixelMeasuresSequence", "PixelSpacing") or ()
    thickness = _said(own, shared, "PixelMeasuresSequence", "SliceThickness")
    if (len(position), len(cosines), len(spacing)) != (3, 6, 2):
        raise SourceError("SRC-FRAMES", f"{header.name} has a frame that does not say where in the patient it lies")
    return Plane(
        triple(position),
        triple(cosines[:3]),
        triple(cosines[3:]),
        (spacing[0], spacing[1]),
        thickness[0] if thickness else None,
    )


def _step(own: list[Instance], shared: Instance) -> float:
    said = (_said(own[0], shared, "PixelMeasuresSequence", k) for k in ("SpacingBetweenSlices", "SliceThickness"))
    return next((numbers[0] for numbers in said if numbers and numbers[0] > 0), 0.0)


def _frames(header: Header, own: list[Instance], shared: Instance) -> Iterator[SourceFrame]:
    layout = _layout(header)
    if header.pixels is None:
        raise SourceError("SRC-NOPIXELS", f"{header.name} has no pixels")
    places = frame_pixels(layout, header.pixels, len(own), header.name, header.offsets).frames
    kept: dict[str, Any] = {"rescale": (1.0, 0.0), "padding": None, "stored_range": layout.stored_range}
    for number, (each, pixels) in enumerate(zip(own, places, strict=True), 1):
        name = f"{header.name}, frame {number}"
        values = partial(decode, layout, None, pixels, name)
        plane = _plane(header, each, shared)
        yield SourceFrame(name, header.reference, values, number=number, plane=plane, path=header.path, **kept)
    # What stands for the whole of it: no number, and no pixels that anybody asks for.
    nothing = partial(_no_pixels, header.name)
    yield SourceFrame(header.name, header.reference, nothing, number=0, path=header.path, **kept)


def _no_pixels(name: str) -> Any:
    raise ValuesError("VAL-DECODE", f"{name} as a whole has no pixels; its frames have")


def _layout(header: Header) -> PixelLayout:
    keywords = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit")
    rows, columns, allocated, stored, high = (header.integer(k) or 0 for k in keywords)
    if min(rows, columns) < 1 or allocated not in (1, 8, 16) or not 1 <= stored <= allocated or high != stored - 1:
        raise ValuesError(
            "VAL-BITS",
            f"{header.name}: {rows} Rows, {columns} Columns, {allocated} Bits Allocated, {stored} "
            f"Bits Stored and High Bit {high} are no pixels of a Segmentation",
        )
    return PixelLayout(header.transfer_syntax, rows, columns, allocated, stored, high, False, "MONOCHROME2")
