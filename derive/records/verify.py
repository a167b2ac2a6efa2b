"""Compute a series again from what its files say was done, and compare: the same pixels, or what differs.

Works on the written files and the source images that they reference, and on nothing else.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from derive.authoring.options import Options
from derive.builder import DerivedSeries, derived
from derive.errors import DeriveError, SourceError, UsageError
from derive.model.classes import FORMS, PICTURE_KINDS, Form, PictureKind, class_derived, form_of, target_of
from derive.model.geometry import POSITION_TOLERANCE_MM, Geometry
from derive.model.planes import NOISE_MM
from derive.model.segmentation import Segmentation
from derive.model.source import SourceSeries
from derive.model.transform import Transform
from derive.model.volume import Volume
from derive.pixels.encode import NUMBERS
from derive.reading.files import Files
from derive.reading.header import Header
from derive.reading.read import read, series_of
from derive.reading.segmentations import is_segmentation
from derive.reading.select import apart
from derive.reading.transforms import read_transform
from derive.records.at_hand import sources_at_hand, with_others
from derive.records.compare import Comparison, ImageVerdict, Written, of_one_series
from derive.records.contributors import description_of
from derive.records.converted import compared_with_before
from derive.records.others_at_hand import other_of
from derive.records.record import Record, RecordedStep, SourceImage, is_computed, recorded_grid
from derive.records.sources_tried import SourcesTried, frames_needed
from derive.records.verification import NotRecomputableError, Verdict, Verification, together
from derive.records.written import Gathered, gather
from derive.told.wording import counted, flag
from derive.version import VERSION


def verify(
    result: Files,
    sources: Files | None = None,
    *,
    reference: Files | None = None,
    series: str | None = None,
    within_steps: float = 0.0,
    assume: Mapping[str, Any] | None = None,
) -> Verification:
    """Recompute a written series from its record and its sources, and compare.

    Parameters
    ----------
    result : path, or iterable of paths
        Folder, zip archive or files of the series.
    sources : path, or iterable of paths, optional
        Where the images are that it references (PS3.3 C.12.4.1.2), among others or not; without, they are looked
        for in `result` and in the folders beside it. Files too that are no DICOM, where some went into a step.
    reference : path, or iterable of paths, optional
        The series whose grid was taken, for a ``resample(reference=...)`` that is recorded by its UID; and the file of
        the registration of a ``transform(by=...)``, which is recorded by its UID or its digest.
    series : str, optional
        Series Instance UID, where `result` holds several series, and not all of them are ours.
    within_steps : float
        How many steps of the stored values may be off: another processor may round another way.
    assume : mapping keyword -> value, optional
        What the sources do not say, beyond what the series records that somebody said (see :func:`derive.read`).

    Returns
    -------
    Verification
        ``NOT-RECOMPUTABLE`` with the reason for a user's own function, a conversion, other software, and for
        sources that are not at hand. Of several series, all of which this package wrote, each is verified: ``series``.

    Raises
    ------
    SourceError
        ``SRC-NONE``, ``SRC-SERIES`` or ``SRC-MISSING`` for a `result` that is not one readable series.
    UsageError
        ``VER-STEPS``.
    """
    if not 0 <= within_steps < math.inf:
        raise UsageError("VER-STEPS", f"within {within_steps} steps; wanted a number from 0 on")
    paths = [result] if isinstance(result, str | Path) else list(result)
    found = gather(paths)
    grid, by = _told_apart(reference)
    runs = [_Run(w, {}, grid, assume=assume or {}, sources=sources, by=by) for w in _chosen(found, series)]
    return together([_verified(paths, found, run, within_steps) for run in runs])


def _verified(paths: Sequence[str | Path], found: Gathered, run: _Run, within_steps: float) -> Verification:
    """Verify one series, with the sources that are at hand."""
    written, sources = run.written, run.sources
    where = sources_at_hand(paths, found, sources, run.record.source_series, set(run.needed))
    run.others = {text: uid for w in written for text, uid in _others_of(w.record, where).items()}
    if where and run.others:
        beside = {
            uid: [s.sop_instance_uid for w in written for s in w.record.sources_in({uid})]
            for uid in run.others.values()
        }
        where = with_others(where, paths, found, sources, beside)
    run.at_hand = {h.text("SOPInstanceUID"): h for h in (_readable(where) if where else ())}
    try:
        return run.verification(within_steps)
    except NotRecomputableError as error:
        return replace(run.about(), verdict="NOT-RECOMPUTABLE", reason=str(error))


def _told_apart(reference: Files | None) -> tuple[Files | None, Mapping[str, Transform]]:
    """Return the files of a series, and what registrations are among them, by what a record calls each."""
    paths = [reference] if isinstance(reference, str | Path) else list(reference or ())
    series: list[str | Path] = []
    found: dict[str, Transform] = {}
    for path in paths:
        try:
            registration = read_transform(path) if Path(path).is_file() else None
        except DeriveError:
            registration = None
        if registration is None:
            series.append(path)
        else:
            found[registration.recorded] = registration
    return series or None, found


def _readable(found: Gathered) -> list[Header]:
    """Return what a result can have been made of: images, and segmentations."""
    return [*apart(found.headers)[0], *filter(is_segmentation, found.headers)]


def _needed(written: Sequence[Written]) -> list[str]:
    """SOP Instance UIDs that any image was made of, or was itself before it got another form."""
    return list(dict.fromkeys(uid for w in written for uid in w.record.referenced_uids))


def _others_of(record: Record, at_hand: Gathered | None) -> Mapping[str, str]:
    """Return the series that entered the steps that were done to the source as another one, by what these call them."""
    uid = record.source_series
    images = (h for h in (at_hand.headers if at_hand else ()) if h.lenient.text("SeriesInstanceUID") == uid)
    return record.other_series(record.steps_since(next(map(description_of, images), "")))


def _chosen(found: Gathered, series: str | None) -> list[list[Written]]:
    """Choose a series among the images of the classes that can be computed; all, where all are ours."""
    groups: dict[str, list[Header]] = {}
    for header in (h for h in found.headers if h.readable or is_computed(h)):
        groups.setdefault(header.text("SeriesInstanceUID"), []).append(header)
    if not groups:
        raise SourceError("SRC-NONE", "no CT, MR or PET image was found; other classes are not recomputed")
    chosen = [groups[series]] if series in groups else [] if series is not None else list(groups.values())
    written = [of_one_series([image for header in headers for image in Written.of(header)]) for headers in chosen]
    if not written or (len(written) > 1 and not all(w.record.by_derive for images in written for w in images)):
        listed = "\n".join(f"  {uid}: {counted(len(headers), 'image')}" for uid, headers in groups.items())
        raise SourceError(
            "SRC-SERIES", f"choose one series by its UID ({flag('series', 'UID')}):\n{listed}", series=list(groups)
        )
    return written


@dataclass
class _Run:
    """One verification: the written images, and what is at hand of their sources."""

    written: list[Written]
    at_hand: Mapping[str, Header]
    reference: Files | None
    source: SourceSeries | None = None
    notes: tuple[str, ...] = ()
    tolerance_mm: float = POSITION_TOLERANCE_MM
    assume: Mapping[str, Any] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    sources: Files | None = None
    by: Mapping[str, Transform] = field(default_factory=dict)

    @property
    def record(self) -> Record:
        """What most of the images record: one that has sources, where one lies beside them all."""
        commonest = Counter(w.record.description for w in self.written).most_common(1)[0][0]
        same = (w.record for w in self.written if w.record.description == commonest)
        return max(same, key=lambda record: bool(record.sources))

    @property
    def needed(self) -> list[str]:
        """SOP Instance UIDs that any image was made of."""
        return list(dict.fromkeys([*_needed(self.written), *(s.sop_instance_uid for s in self._of_others())]))

    def _of_others(self) -> list[SourceImage]:
        """Images of other series that entered any image."""
        return [s for w in self.written for s in w.record.sources_in(set(self.others.values()))]

    @property
    def steps(self) -> tuple[RecordedStep, ...]:
        """What was done to the source; all that is recorded as long as it is not at hand."""
        if self.source is None:
            return self.record.steps
        return self.record.steps_since(self.source.text("DerivationDescription"))

    @property
    def assumed(self) -> dict[str, str]:
        """What a person assumed of the sources, as the images record it, and what one assumes now."""
        of_sources = next((description_of(self.at_hand[u]) for u in self.needed if u in self.at_hand), "")
        return self.record.assumed_since(of_sources, self.written[0].header) | dict(self.assume)

    def about(self) -> Verification:
        """Return what is known before anything is computed."""
        record, needed = self.record, self.needed
        missing = tuple(uid for uid in needed if uid not in self.at_hand)
        version = record.software.versions
        notes = self.notes
        if version and version != VERSION:
            notes = (*notes, f"recorded by version {version}, recomputed by {VERSION}")
        used = len(self.source.frames) if self.source else 0
        uid = self.written[0].header.text("SeriesInstanceUID")
        counts = len(needed), len(needed) - len(missing), used
        return Verification("DIFFERS", "", uid, self.steps, version, record.source_series, counts, missing, notes=notes)

    def verification(self, within_steps: float) -> Verification:
        """Recompute and compare; what only has another form is held against what it was."""
        if self.record.converted:
            return self._as_before()
        series = self._recomputed()
        comparison = Comparison(series, self.written, within_steps, self.tolerance_mm)
        description = self.record.description
        verdicts = [
            v if w.record.description == description else v.with_fault("records other steps than the others")
            for v, w in zip(comparison.verdicts(), self.written, strict=True)
        ]
        return self._concluded(verdicts, comparison)

    def _as_before(self) -> Verification:
        """Compare the frames with those that they were before they got another form."""
        self._check_at_hand()
        try:
            verdicts, left = compared_with_before(self.written, self.at_hand)
        except DeriveError as error:
            raise NotRecomputableError(f"the source images cannot be read: {error}") from error
        off = sum(not v.same for v in verdicts)
        reason = f"{off} of {counted(len(verdicts), 'image')} are not what they were" if off else ""
        notes = (*self.notes, "nothing was derived: the same pixels in instances of another form")
        notes += (f"{counted(left, 'frame')} of the source images are in none of these",) if left else ()
        found = replace(self.about(), steps=(), verdict="DIFFERS" if off else "SAME", notes=notes)
        counts = (*found.sources[:2], len(verdicts))
        return replace(found, reason=reason, images=tuple(verdicts), sources=counts)

    def _concluded(self, verdicts: Sequence[ImageVerdict], comparison: Comparison) -> Verification:
        differing = [v for v in verdicts if not v.same]
        reasons = []
        if differing:
            voxels, off = sum(v.voxels for v in differing), [v for v in differing if v.voxels]
            units = comparison.series.order.frames.quantity.units
            values = f", in {voxels} voxels of {len(off)} by {max(v.largest for v in off):.6g} {units}" if off else ""
            steps = f" ({max(v.steps for v in off):.6g} steps) at most" if off else ""
            reasons.append(f"{len(differing)} of {counted(len(verdicts), 'image')}{values}{steps}")
        if comparison.lacking:
            reasons.append(f"not there: {counted(len(comparison.lacking), 'image')} that the steps make")
        verdict: Verdict = "DIFFERS" if reasons else "SAME"
        return replace(self.about(), verdict=verdict, reason="; ".join(reasons), images=tuple(verdicts))

    def _recomputed(self) -> DerivedSeries:
        """Build the series that the record describes, from the sources that were used."""
        self._check_record()
        tried: list[tuple[int, SourceSeries, DerivedSeries]] = []
        failed: list[NotRecomputableError] = []
        for source in self._candidates():
            self.source = source
            try:
                whole = self._built(source)
            except NotRecomputableError as error:
                failed.append(error)
                continue
            for series in self._in_parts(whole):
                off = Comparison(series, self.written, tolerance_mm=self.tolerance_mm).planned_otherwise
                if not off:
                    return series
                tried.append((off, source, series))
        if not tried:
            raise failed[0]
        _, self.source, series = min(tried, key=lambda each: each[0])
        return series

    def _in_parts(self, whole: DerivedSeries) -> Iterator[DerivedSeries]:
        """Give what was made, and where it has more images than there are, each of its volumes as a series."""
        yield whole
        if len(self.written) < whole.frames.count:
            yield from DerivedSeries(whole.order, replace(whole.options, series_per="volume")).series

    def _check_record(self) -> None:
        record = self.record
        if not record.steps or not record.by_derive:
            raise NotRecomputableError(f"made by {record.software}, and no step of derive is recorded")
        if not record.sources:
            raise NotRecomputableError("no source image is referenced")
        self._check_at_hand()

    def _check_at_hand(self) -> None:
        record = self.record
        missing = [uid for uid in self.needed if uid not in self.at_hand]
        if missing:
            count = f"{len(missing)} of {len(self.needed)} source images are not at hand"
            raise NotRecomputableError(f"{count}, of series {record.source_series or 'unknown'}")

    def _candidates(self) -> Iterator[SourceSeries]:
        """Give what the source can have been."""
        own = (uid for w in self.written for uid in w.record.source_uids)
        uids = {self.at_hand[uid].text("SeriesInstanceUID") for uid in own}
        if len(uids) > 1:
            raise NotRecomputableError(f"the source images are of {len(uids)} series: {', '.join(sorted(uids))}")
        members = {uid: h for uid, h in self.at_hand.items() if h.text("SeriesInstanceUID") in uids}
        candidates = SourcesTried(members, frames_needed(w.record for w in self.written), self.assumed)
        found = False
        for source in candidates:
            found = True
            yield source
        if not found:
            raise NotRecomputableError(f"the source images make no volume: {candidates.error}")

    def _built(self, source: SourceSeries) -> DerivedSeries:
        steps = self.steps
        hopeless = [f"{s.shown.text}: {s.why_not}" for s in steps if not s.recomputable]
        if hopeless or not steps:
            raise NotRecomputableError("; ".join(hopeless) or "no step is recorded beside those of the source")
        try:
            operations = [
                s.operation({**self._grids(s, source), **self._others(s, source), **self._registrations(s)})
                for s in steps
            ]
            return derived(source, operations, Options(into=self._form(source), numbers=self._numbers()))
        except DeriveError as error:
            raise NotRecomputableError(f"the recorded steps cannot be done to the sources: {error}") from error

    def _form(self, source: SourceSeries) -> Form | PictureKind | None:
        """Return the form that the images have, where it is not that which they would have unasked."""
        written = self.written[0].header.sop_class_uid
        if any(step.makes_colours for step in self.steps):
            return PICTURE_KINDS[target_of(written).container != "single"]
        if class_derived(source.sop_class_uid, None) == written or not form_of(written):
            return None
        forms = (form for form in FORMS if written == class_derived(source.sop_class_uid, form))
        return next(forms, None)

    def _numbers(self) -> Any:
        """Return how values are stored, where that is not in 16 bits."""
        bits = self.written[0].header.integer("BitsAllocated")
        floating = {form.bits: name for name, form in NUMBERS.items() if form.floating}
        return None if self.written[0].header.integer("BitsStored") is not None else floating.get(bits or 0)

    def _grids(self, step: RecordedStep, source: SourceSeries) -> Mapping[str, SourceSeries | Geometry]:
        """Return the grids of other series that a step took, by parameter."""
        return {name: self._grid(recorded, source) for name, recorded in step.grids.items()}

    def _others(
        self, step: RecordedStep, source: SourceSeries
    ) -> Mapping[str, Sequence[SourceSeries | Segmentation | Volume]]:
        """Return the other series whose values entered a step, by parameter."""
        return {name: [self._other(self.others.get(t, t), source) for t in said] for name, said in step.others.items()}

    def _registrations(self, step: RecordedStep) -> Mapping[str, Transform]:
        """Return the registrations that a step was done by, by parameter."""
        if not step.registrations:
            return {}
        missing = [recorded for recorded in step.registrations.values() if recorded not in self.by]
        if missing:
            raise NotRecomputableError(
                f"the registration is {missing[0]}, of which no more is recorded; give its file: {flag('by', 'FILE')}"
            )
        return {name: self.by[recorded] for name, recorded in step.registrations.items()}

    def _other(self, recorded: str, source: SourceSeries) -> SourceSeries | Segmentation | Volume:
        if recorded == source.series_instance_uid:
            return source
        return other_of(recorded, source, self.at_hand, [*self._of_others()], self.sources)

    def _grid(self, recorded: str, source: SourceSeries) -> SourceSeries | Geometry:
        grid = recorded_grid(recorded, source.geometry.frame_of_reference_uid)
        if grid is not None:
            self.tolerance_mm = NOISE_MM  # measured positions are not among its numbers
            return grid
        recorded = self.record.grid_of(recorded)
        if recorded == source.series_instance_uid:
            return source
        at_hand = [h for h in self.at_hand.values() if h.text("SeriesInstanceUID") == recorded]
        if self.reference is None and not at_hand:
            raise NotRecomputableError(
                f"the grid is that of series {recorded}, of which only the UID is recorded; give it "
                f"with {flag('reference')}"
            )
        try:
            return series_of(at_hand) if self.reference is None else read(self.reference, series=recorded)
        except DeriveError as error:
            reason = error.message.partition("\n")[0]
            raise NotRecomputableError(f"the reference {recorded} cannot be read: {reason}") from error
