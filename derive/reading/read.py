"""Files, folders, archives or data sets to one SourceSeries: headers only, sorted and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple, TypeAlias, Unpack

from numpy.typing import NDArray

from derive import standard
from derive.elements.charset import transcode
from derive.elements.element import Element, tag_of
from derive.elements.encoding import encode
from derive.limits import Limits
from derive.model.assumption import BY_ASSUMPTION
from derive.model.attribute_table import AttributeTable
from derive.model.colours import HIGH, LOW
from derive.model.geometry import Plane
from derive.model.loss import Loss
from derive.model.remark import Remark, gathered
from derive.model.source import Skipped, SourceSeries
from derive.model.source_frame import Reference, SourceFrame
from derive.pixels.decode import decode, loss_of
from derive.reading.assumed import checked_assumptions, used
from derive.reading.choice import Choice, Chosen, choice_of, each_stack, laid_out
from derive.reading.contradictions import contradictions
from derive.reading.counting import miscounted
from derive.reading.files import Source
from derive.reading.header import Header
from derive.reading.illegal import lawful, refuse_illegal
from derive.reading.modality_luts import through_table, with_table
from derive.reading.pixel_attributes import (
    check_alike,
    check_one_form,
    layout_of,
    padding_of,
    pixel_remarks,
    rescale_of,
)
from derive.reading.scan import all_of
from derive.reading.select import apart, select, unread

StoredValues: TypeAlias = Callable[[], NDArray[Any]]


def read(
    source: Source,
    *,
    series: str | None = None,
    limits: Limits | None = None,
    assume: Mapping[str, object] | None = None,
    **chosen: Unpack[Chosen],
) -> SourceSeries:
    """Read one series of CT, MR or PET images, of one frame or many.

    Only headers are read; pixels are decoded when they are asked for. The order of files and frames, their names and
    numbers do not matter: frames are sorted by position along their normal, and by what tells volumes at one place
    apart.

    Parameters
    ----------
    source : path, paths or pydicom Datasets
        A folder (with all folders in it), a file, a zip archive, a list of any of these; or Datasets with
        their pixels, which stay in memory and must not be changed afterwards.
    series : str, optional
        Which one, where there are several: a Series Instance UID, a Series Number (``3``), the place in the
        list that the error shows (``#3``), or a pattern for the Series Description (``*`` and ``?``, any
        case; without them the whole description). What fits several series is refused.
    limits : Limits, optional
        What an archive may cost.
    assume : mapping keyword -> value, optional
        What the files do not say, or say illegally: ``{"Units": "BQML"}``. It stands in every image that lacks it,
        never in place of what is legal, and the result says that a person said it.
    **chosen
        What is wanted of the series. ``stack``: which of its stacks (several orientations, matrices, or a magnitude
        and a phase), by number or name. ``volumes``: which volumes, by number. ``where``: what all frames say,
        ``{"DiffusionBValue": 0}``. ``frames``: which frames, ``"1-40,45"``. ``every_stack``: all stacks of pictures,
        which lie in no patient: the first one is returned, with the others ``beside`` it.

    Returns
    -------
    SourceSeries
        What was found beside it is in its ``skipped``.

    Raises
    ------
    SourceError
        ``SRC-...`` and ``ZIP-...``: no images, several series, several patients, no way to decode, ...
    GeometryError
        ``GEO-...``: the images do not make one stack.
    ValuesError
        ``VAL-...``: pixels are cut short, in colour, or cannot be rescaled.
    UsageError
        ``ASSUME-...`` for what cannot be assumed, ``OPT-CHOICE`` for what cannot be chosen.
    """
    checked_assumptions(assume)  # before anything is read
    choice = choice_of(chosen)
    headers, skipped = all_of(source, limits)
    return series_of(headers, skipped, series, assume, choice)


def series_of(
    headers: Sequence[Header],
    skipped: Sequence[Skipped] = (),
    series: str | None = None,
    assume: Mapping[str, object] | None = None,
    choice: Choice | None = None,
) -> SourceSeries:
    """Make one series of headers: choose, sort, and refuse what is no volume.

    Parameters
    ----------
    headers : sequence of Header
        Of any classes.
    skipped : sequence of Skipped
        What else was found.
    series : str, optional
        Which one, as in :func:`read`.
    assume : mapping keyword -> value, optional
        What the files do not say, as in :func:`read`.
    choice : Choice, optional
        What is wanted of it.

    Raises
    ------
    SourceError, GeometryError, ValuesError, UsageError
        As :func:`read`.
    """
    assumptions = checked_assumptions(assume)
    headers = lawful(headers, assumptions)
    chosen = select(headers, skipped, series)
    chosen = chosen._replace(headers=tuple(map(with_table, lawful(chosen.headers, assumptions))))
    refuse_illegal(chosen.headers)
    found = _Found(tuple(headers), (*skipped, *chosen.skipped), chosen.headers, used(chosen.headers, assumptions))
    first, *more = (_stack_of(found, each) for each in each_stack(chosen.headers, choice or Choice()))
    return replace(first, beside=tuple(more)) if more else first


class _Found(NamedTuple):
    """What was found: all, of all series; what else there is; the frames of the one that is read, and what is said."""

    headers: tuple[Header, ...]
    skipped: tuple[Skipped, ...]
    chosen: tuple[Header, ...]
    assumed: Mapping[str, str]


def _stack_of(found: _Found, choice: Choice) -> SourceSeries:
    """Make a series of one of its stacks, sorted."""
    stack, lie = laid_out(found.chosen, choice)
    ordered = [stack.headers[i] for i in lie.order]
    check_one_form(ordered)
    check_alike(ordered)
    uid = ordered[0].text("SeriesInstanceUID")
    images, objects = apart(found.headers)
    others = [Skipped(h.name, "another series") for h in images if h.text("SeriesInstanceUID") != uid]
    copies = [(stack.headers[i].name, stack.headers[of].name) for i, of in lie.copies]
    series_read = SourceSeries(
        frames=tuple(map(source_frame_of, ordered, lie.planes if lie.geometry.in_patient else [None] * len(ordered))),
        table=tabulated(ordered),
        geometry=lie.geometry,
        dimensions=lie.dimensions,
        uneven=lie.uneven,
        stack=stack.name,
        tags=frozenset().union(*{h.tags for h in ordered}),
        skipped=(
            *found.skipped,
            *map(unread, objects),
            *others,
            *(Skipped(name, f"the place and the pixels of {of}") for name, of in copies),
        ),
        remarks=gathered(
            [
                *((h.name, h.remarks) for h in ordered),
                *pixel_remarks(ordered),
                *contradictions(ordered, lie.geometry.shape[0]),
                *((name, [Remark("SRC-COPY", "", f"has the place and the pixels of {of}")]) for name, of in copies),
            ]
        ),
        assumed=found.assumed,
        related=related_to(ordered, found.headers),
        said={tag_of(k): BY_ASSUMPTION for k in found.assumed if k != "SpecificCharacterSet"},
    )
    odd = gathered(miscounted(series_read, len(found.chosen)))
    return replace(series_read, remarks=(*series_read.remarks, *odd)) if odd else series_read


def related_to(ordered: Sequence[Header], headers: Sequence[Header]) -> dict[str, Reference]:
    """Find the instances that the images of a series refer to, localizers say, among what else was found."""
    wanted = {h.element("ReferencedImageSequence"): h for h in ordered}
    uids = {
        i.text("ReferencedSOPInstanceUID") for h in wanted.values() for i in h.lenient.items("ReferencedImageSequence")
    }
    return {
        h.reference.sop_instance_uid: h.reference for h in headers if h.lenient.text("SOPInstanceUID") in uids - {""}
    }


def source_frame_of(header: Header, plane: Plane | None) -> SourceFrame:
    """Return a frame of a source, whose pixels are decoded when they are asked for."""
    layout = layout_of(header)
    padding = None if layout.colour else padding_of(header, layout)
    pixels = header.pixels
    assert pixels is not None, "select() refuses images without pixels"
    loss = loss_of(layout, pixels, header.text("LossyImageCompression") == "01", header.name)
    values: StoredValues = partial(decode, layout, padding, pixels, header.name)
    ends = (LOW, HIGH) if layout.colour else layout.stored_range
    if header.table is not None:
        values, padding, ends = through_table(header, values, padding)
    return SourceFrame(
        name=header.name,
        reference=header.reference,
        stored_values=values,
        rescale=(1.0, 0.0) if layout.colour else rescale_of(header),
        padding=padding,
        stored_range=ends,
        number=header.frame_number,
        tiled=pixels.tile is not None,
        plane=plane,
        loss=Loss((loss[0],), (loss[1],)) if loss else None,
        path=header.path,
        colour=layout.colour,
    )


def tabulated(headers: Sequence[Header]) -> AttributeTable:
    """Tabulate attributes; where character sets differ, all text becomes ISO_IR 192."""
    charset = tag_of("SpecificCharacterSet")
    defaults = _defaults(headers[0].sop_class_uid)
    if len({h.elements.get(charset) for h in headers}) == 1:
        return AttributeTable.of((h.elements for h in headers), headers[0].encodings, defaults)
    utf8 = encode("SpecificCharacterSet", "ISO_IR 192")
    return AttributeTable.of((_in_utf8(h) | {charset: utf8} for h in headers), ("utf_8",), defaults)


@cache
def _defaults(sop_class_uid: str) -> dict[int, Element]:
    """What it means that an image does not say something, where others of its series do."""
    found = standard.defaults(standard.iod(sop_class_uid).name)
    elements = [encode(k, v.split("\\") if "\\" in v else v) for k, v in found.items()]
    return {e.tag: e for e in elements}


def _in_utf8(header: Header) -> dict[int, Element]:
    return {tag: transcode(e, header.encodings) for tag, e in header.elements.items()}
