"""Volumes in other formats to a series, with given attributes as its source: the same line, the same checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from derive.authoring.options import Options, options_of
from derive.authoring.order import InputAccount, Order
from derive.authoring.pictured import refuse_unsaid
from derive.builder import DerivedSeries
from derive.conversion import attributes
from derive.conversion.forms import in_form
from derive.conversion.given import Patient, Study
from derive.conversion.options import Conversion
from derive.conversion.overlap import check_overlap
from derive.conversion.proving import prove
from derive.conversion.segment_options import Segmenting
from derive.conversion.segmenting import check_segmenting, masks_of
from derive.conversion.subject import Subject
from derive.errors import UsageError
from derive.formats import of_object, open_file
from derive.formats.arrays import RawLayout
from derive.formats.beside import files_beside
from derive.formats.samples import Samples
from derive.model.classes import target_of
from derive.model.derivation import Derivation, GeometryEffect, Step, ValuesEffect
from derive.model.geometry import Geometry
from derive.model.segmented import Segmented
from derive.model.segments import SEGMENTATION
from derive.model.source import Attributes, Sources, SourceSeries
from derive.model.stacking import quantity_of, refuse_uneven
from derive.operations.kit.coding import derivation_code
from derive.told.wording import flag

#: What a segmentation is, in CID 7203, unless something else is said.
SEGMENTED = "Segmentation"
#: Series Number in a study that begins with this series.
FIRST_SERIES = 1


def convert(
    source: Any,
    *,
    reference: SourceSeries | None = None,
    patient: Patient | None = None,
    study: Study | None = None,
    raw: RawLayout | None = None,
    into: str | None = None,
    **options: Any,
) -> DerivedSeries:
    """Make a series of numbers that are no DICOM, or give the images of a series another form.

    Parameters
    ----------
    source : path, array, SimpleITK.Image or nibabel image
        NIfTI, NRRD, MetaImage, npy, npz, raw bytes, or pictures (TIFF, PNG, JPEG, BMP). Arrays are (slice, row,
        column), or (time, slice, row, column).
    reference : SourceSeries, optional
        From :func:`derive.read`: the patient, the study and the frame of reference are its, and its images are
        referenced by the slices that they are behind.
    patient : Patient, optional
        Who it is; needed without a reference.
    study : Study, optional
        A new one if nothing is said.
    raw : RawLayout, optional
        Shape, type and byte order of a file of raw bytes.
    into : {"classic", "enhanced", "legacy-converted"}, optional
        What the instances become, of a source that is a series: the same pixels in another form, as
        :func:`derive.conversion.forms.in_form` says, whose parameters are taken then.
    **options
        As in :class:`derive.conversion.options.Conversion` and :class:`derive.authoring.options.Options`. Without
        a reference ``set`` takes the text of any attribute that is not computed, of the patient and the study too.

    Returns
    -------
    DerivedSeries
        ``.account`` says of every attribute whether it was given, made, or left empty, and by which rule.

    Raises
    ------
    UsageError, SourceError, GeometryError, ValuesError
        For what cannot be converted; nothing is written.

    Examples
    --------
    >>> import derive, numpy
    >>> ball = numpy.full((8, 16, 16), -1000, dtype=numpy.int16)
    >>> series = derive.convert(ball, modality="CT", spacing_xyz=(0.7, 0.7, 1.0), values="scale=1,0",
    ...                         patient=derive.Patient("PH01", "Phantom^A"), study=derive.Study(description="Sim"))
    >>> series.volume.geometry.pixel_spacing
    (0.7, 0.7)
    """
    if into is not None:
        _check_form(reference, patient, study, raw)
        return in_form(source, into, **options)
    wishes, segmenting, series_options = _split(options)
    _check_together(reference, patient, study, wishes, series_options)
    check_segmenting(wishes, segmenting, reference)
    if reference is not None:
        refuse_uneven(reference)
    source, *more = masks_of(source) if wishes.kind == SEGMENTATION else [source]
    path = Path(source) if isinstance(source, str | Path) else None
    if path is None and raw is not None:
        raise UsageError("RAW-LAYOUT", "a raw layout goes with a file")
    samples = open_file(path, raw) if path is not None else of_object(source)
    subject = Subject(_one_time(samples, wishes), wishes, reference, segmenting, tuple(map(Path, more)))
    given = attributes.Said(series_options.set, patient, study or Study())
    if reference is None:
        order, kept = _of_nobody(subject, given)
    else:
        order, kept = _of_reference(subject, reference, given)
    number = series_options.series_number
    if number is None and reference is None and not given.study.uid:
        number = FIRST_SERIES
    account = _account_of(subject, reference)
    return DerivedSeries(
        replace(order, account_of_input=account), replace(series_options, set=kept, series_number=number)
    )


def _check_form(*others: object) -> None:
    """Refuse beside a form what is said of numbers that are no DICOM."""
    if any(other is not None for other in others):
        raise UsageError(
            "OPT-FORM",
            f"a series that gets another form ({flag('into', 'FORM')}) says itself whose it is and where it lies",
        )


def _check_together(
    reference: SourceSeries | None, patient: Patient | None, study: Study | None, wishes: Conversion, options: Options
) -> None:
    """Refuse what does not go together, and pictures of which nobody said whether they show whose they are."""
    if reference is not None and (patient or study):
        raise UsageError("GIV-REFERENCE", "the patient and the study are those of the reference; give no others")
    if reference is not None and wishes.original:
        raise UsageError(
            "OPT-ORIGINAL",
            f"what comes from a reference is derived; leave out {flag('original')} or {flag('reference')}",
        )
    if reference is not None and wishes.character_set:
        raise UsageError(
            "SET-CHARSET", f"the character set is that of the reference; leave out {flag('character_set')}"
        )
    if wishes.kind not in ("volume", SEGMENTATION):
        refuse_unsaid(options.set)


def _split(options: Mapping[str, Any]) -> tuple[Conversion, Segmenting, Options]:
    ours, labelled, theirs = ({f.name for f in fields(kind)} for kind in (Conversion, Segmenting, Options))
    unknown = options.keys() - ours - labelled - theirs
    if unknown:
        known = sorted(ours | labelled | theirs)
        raise UsageError("OPT-UNKNOWN", f"unknown options {sorted(unknown)}; there are {known}")
    return (
        Conversion(**{k: v for k, v in options.items() if k in ours}),
        Segmenting(**{k: v for k, v in options.items() if k in labelled}),
        options_of({k: v for k, v in options.items() if k in theirs}),
    )


def _one_time(samples: Samples, wishes: Conversion) -> Samples:
    """Take one of several times, where that is asked for."""
    index = wishes.frame_index
    if index is None:
        return samples
    if not 0 <= index < samples.times:
        raise UsageError(
            "GEO-4D", f"frame index {index}; {samples.name} has {samples.times} volumes, 0 to {samples.times - 1}"
        )
    return replace(samples, array=samples.array[:, :, :, index : index + 1], time_step_s=None)


def _of_nobody(subject: Subject, given: attributes.Said) -> tuple[Order, Mapping[str, str]]:
    """Convert for a patient and a study that the caller states."""
    _ = subject.frames  # what a file cannot become is said before what nobody said of it
    source, kept = attributes.of_nobody(subject, given)
    step = _step(subject, GeometryEffect.NEW_GRID, ValuesEffect.KEEPS_QUANTITY)
    return _order(subject, source, Derivation() if subject.wishes.original else Derivation((step,))), kept


def _of_reference(subject: Subject, reference: SourceSeries, given: attributes.Said) -> tuple[Order, Mapping[str, str]]:
    """Convert for the patient, the study and the space of a reference."""
    geometry, source, kept = subject.frames.geometry, reference, given.settings
    if geometry is None:
        identity, kept = attributes.identity_of(subject, reference, given)
        step = _step(subject, GeometryEffect.NEW_GRID, ValuesEffect.KEEPS_QUANTITY)
        return _order(subject, identity, Derivation((step,))), kept
    check_overlap(geometry, reference.geometry, subject.wishes.require_overlap, subject.samples.name)
    if subject.target != target_of(reference.sop_class_uid):
        source, kept = attributes.narrowed(subject, reference, given)
    step = _step(subject, *_effects(subject, geometry, reference))
    step = replace(step, new_plane=not geometry.same_plane(reference.geometry))
    return _order(subject, source, Derivation((step,))), kept


def _order(subject: Subject, source: Attributes, derivation: Derivation) -> Order:
    order = Order(Sources(source), subject.frames, derivation, subject.target, subject.stored)
    if isinstance(order.frames, Segmented):
        return replace(order, proof=partial(prove, order.frames))
    return order


def _account_of(subject: Subject, reference: SourceSeries | None) -> InputAccount:
    """Say which files the numbers come from, and the patient; and how far off the numbers are."""
    samples = subject.samples
    beside = files_beside(samples.files) if samples.times > 1 else ()
    files = (*samples.files, *subject.more, *beside, *(reference.paths if reference is not None else ()))
    rounded_by = 0.0 if subject.numbers is None else subject.numbers.rounded_by
    return InputAccount(files, subject.placed_within_mm, rounded_by, subject.notes)


def _effects(subject: Subject, geometry: Geometry, reference: SourceSeries) -> tuple[GeometryEffect, ValuesEffect]:
    """What the conversion did to a reference: its grid stays if it is the very same, its quantity if its units are.

    MR numbers are in units of their own: nothing tells that those of a file are those of the reference. Of a
    reference of another class no quantity is known, and what is said of the values stands.
    """
    target, kept = subject.target, geometry.same_grid(reference.geometry)
    same = target != target_of(reference.sop_class_uid)
    if not same and target.units_keyword:
        same = subject.quantity.units == quantity_of(reference).units
    return (
        GeometryEffect.KEEPS_GRID if kept else GeometryEffect.NEW_GRID,
        ValuesEffect.KEEPS_QUANTITY if same else ValuesEffect.NEW_QUANTITY,
    )


def _step(subject: Subject, geometry_effect: GeometryEffect, values_effect: ValuesEffect) -> Step:
    """The conversion as a step: what the caller says was done, how it was read, and what happened on reading."""
    code = subject.wishes.code or (SEGMENTED if subject.wishes.kind == SEGMENTATION else None)
    samples, wishes, volume = subject.samples, subject.wishes, subject.wishes.kind == "volume"
    facts: dict[str, Any] = {"format": samples.format}
    if volume:
        facts |= {"values": wishes.values or subject.meaning.kind, "units": wishes.units}
    facts |= {"algorithm": wishes.algorithm and str(wishes.algorithm)}
    if wishes.kind == SEGMENTATION:
        facts |= {"segmentation_type": subject.segmenting.type.value}
        facts |= {"segments": len(subject.segmentation.frames.segments)}
    facts |= {"frame_index": wishes.frame_index, "nan_value": wishes.nan_value, "plane": wishes.plane}
    chosen = {k: v for k, v in facts.items() if v is not None}
    call = f"convert({', '.join(f'{k}={v!r}' for k, v in chosen.items())})"
    words = [wishes.description] if wishes.description else []
    units = subject.quantity.units if volume and (wishes.units or subject.target.units_keyword) else ""
    return Step(
        f"from {samples.format}",
        derivation_code(code) if code else None,
        "; ".join([*words, call, *subject.samples.notes]),
        chosen | ({"description": wishes.description} if wishes.description else {}),
        geometry_effect,
        values_effect,
        units=units,
        algorithm=wishes.algorithm,
        short=wishes.description or (SEGMENTATION if wishes.kind == SEGMENTATION else ""),
        places_known=False,
    )
