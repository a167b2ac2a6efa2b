"""THE PAGE: from a source series and some steps to a new, valid series.

::

    DICOM files ──read──▶ SourceSeries ──stack──▶ Volume ──operations──▶ Volume' + Derivation
                                                                                 │
      codes, standard, policy.tsv ──▶ assemble ◀── entities/*, containers, encode ◀──┘
                                                   │
                                                   ▼
                            instances, one by one ──check──▶ write ──▶ send
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from numpy.typing import DTypeLike, NDArray
from pydicom.dataset import Dataset

from derive.authoring.apart import in_series, of_stacks
from derive.authoring.assemble import SeriesPass, assemble
from derive.authoring.becoming import becomes
from derive.authoring.concatenation import part_count, parts_of
from derive.authoring.containers import instances, partition
from derive.authoring.decision import Entry
from derive.authoring.groups import with_macros
from derive.authoring.options import Options, options_of
from derive.authoring.order import AuthoredInstance, InputAccount, Order
from derive.authoring.pictured import coloured_of, drawn_of
from derive.authoring.plan import SeriesPlan, plan_of
from derive.authoring.prepare import Prepared, in_bits_of, prepare, source_encoding, whole_step
from derive.checking import SeriesChecker
from derive.errors import GeometryError, UsageError
from derive.model.algorithm import Algorithm
from derive.model.classes import makes_pictures
from derive.model.derivation import Derivation
from derive.model.frames import Frames
from derive.model.geometry import extent_of
from derive.model.planes import is_even
from derive.model.source import Attributes, SourceSeries
from derive.model.volume import Volume, as_array
from derive.operations import Operation
from derive.operations.kit.others import inputs_of
from derive.operations.kit.picturing import pictured
from derive.operations.kit.steps import Own, Step, bound, makes_colours, planned, several
from derive.pacs.address import Address
from derive.pacs.config import Destination
from derive.pacs.send import SendReport, send
from derive.reading.files import Source
from derive.reading.read import read
from derive.told.progress import tell
from derive.told.wording import counted
from derive.writing.atomic import target_folder
from derive.writing.filing import Writer
from derive.writing.packing import dataset_of
from derive.writing.report import Report, joined, report_of
from derive.writing.series import folders_of, write_instances
from derive.writing.unfinished import scratch

if TYPE_CHECKING:
    from derive.deidentification.derived import DeidentifiedSeries
    from derive.deidentification.profile.profile import Profile

#: Bytes provided for the attributes of a frame when the room on the disk is asked for.
HEADER_ROOM = 64 * 1024
#: Told how many of how many instances are done.
Progress = Callable[[int, int], None]


def build(
    source: SourceSeries | Source,
    *steps: Step,
    code: str | None = None,
    description: str | None = None,
    algorithm: Algorithm | None = None,
    assume: Mapping[str, object] | None = None,
    **options: Any,
) -> DerivedSeries:
    """Derive a series: nothing is computed before it is asked for.

    Parameters
    ----------
    source : SourceSeries, path, paths or pydicom Datasets
        From :func:`derive.read`, or what it reads.
    *steps : Operation or callable
        Operations of :mod:`derive.operations` with their parameters bound, or functions of one's own
        (see :func:`derive.operations.apply`); each takes the result of the one before.
    code, description, algorithm : optional
        For plain functions: a code of CID 7203 (or ``99SCHEME:VALUE:Meaning``), what was done, and who computes.
    assume : mapping keyword -> value, optional
        What a source that is read here does not say, as :func:`derive.read` takes it.
    **options
        As in :class:`derive.authoring.options.Options`; of equipment (in ``set``) and ``uid_prefix`` what
        ``derive.toml`` says is taken where nothing is said here.

    Raises
    ------
    UsageError
        For a step or an option that cannot be used.
    SourceError, GeometryError, ValuesError
        As :func:`derive.read`, and for a source that a step cannot take.

    Examples
    --------
    >>> import derive
    >>> from derive.operations import gaussian_blur, resample
    >>> ct = derive.demo_series()
    >>> series = derive.build(ct, resample(spacing_mm=2.0), gaussian_blur(sigma_mm=1.5))
    >>> series.derivation.description
    "resample(spacing_mm=2, interpolator='linear'); gaussian_blur(sigma_mm=1.5)"
    """
    operations, said = bound(steps, Own(code, description, algorithm)), options_of(options)
    if assume and isinstance(source, SourceSeries):
        raise UsageError("ASSUME-READ", "this series is read already; give assume= to derive.read")
    return derived(source if isinstance(source, SourceSeries) else read(source, assume=assume), operations, said)


def derived(
    source: SourceSeries, operations: Sequence[Operation], options: Options, *, measured: bool = True
) -> DerivedSeries:
    """Derive a series, or one of each stack; not ``measured``, to be planned only: no pixel is decoded for it."""
    made = {each.stack: _made(each, operations, options, measured) for each in (source, *source.beside)}
    return replace(next(iter(made.values())), order=of_stacks({name: one.order for name, one in made.items()}))


def _made(source: SourceSeries, operations: Sequence[Operation], options: Options, measured: bool) -> DerivedSeries:
    if makes_pictures(options.into) or makes_colours(operations):
        return _shown(source, operations, options)
    first, *more = (_order(source, each, options, measured) for each in several(operations))
    return DerivedSeries(replace(first, companions=tuple(more)), options)


def _order(source: SourceSeries, operations: Sequence[Operation], options: Options, measured: bool) -> Order:
    sources, volumes, derivation = planned(source, operations)
    target, frames = becomes(source, volumes, derivation, options, measured=measured)
    stored = source_encoding(source.frames, derivation, whole_step(target, volumes.quantity, derivation, sources))
    sources = with_macros(sources, target.iod) if target.container == "functional" else sources
    taken = InputAccount(**inputs_of(each.parameters for each in operations))
    return Order(sources, frames, derivation, target, in_bits_of(stored, frames.format), taken)


def _shown(source: SourceSeries, operations: Sequence[Operation], options: Options) -> DerivedSeries:
    """Make Secondary Capture: of colours, at the places of the source, or of what the last step draws."""
    colours = makes_colours(operations)
    sources, frames, derivation = planned(source, operations if colours else operations[:-1])
    shown: Frames = frames
    if not colours and makes_pictures(options.into):
        shown, step = pictured(operations[-1], frames, options.into)
        derivation = derivation.then(step)
    sources, target, left = (coloured_of if colours else drawn_of)(sources, shown, options)
    taken = InputAccount(**inputs_of(each.parameters for each in operations))
    return DerivedSeries(Order(sources, shown, derivation, target, source_encoding((), derivation), taken), left)


@dataclass(frozen=True)
class DerivedSeries:
    """The result of :func:`build` or :func:`derive.convert`: computed, assembled, checked and written when asked.

    Parameters
    ----------
    order : Order
        The values of the result, and what they come from.
    options : Options
    """

    order: Order
    options: Options

    def __reduce__(self) -> NoReturn:
        """Say why a result that is not computed yet cannot go to another process."""
        told = "a result is computed when it is written, and cannot be pickled: write it, or build it there"
        raise UsageError("OPT-PICKLE", told)

    def __repr__(self) -> str:
        """Which modality, how many voxels of what size, and what was done; nothing is computed."""
        geometry, target = self.frames.geometry, self.order.target
        passes = self.derivation.passes
        what = counted(self.frames.count, "frame") if passes else self.frames.called
        extent = extent_of(geometry) if geometry else f"{counted(self.count, 'instance')} of {what}"
        done = self.derivation.description or ("the same pixels in another form" if passes else "as acquired")
        return f"<DerivedSeries: {target.modality}, {extent}, {done}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from derive.display.html import html_of_derived

        return html_of_derived(self)

    @property
    def source(self) -> Attributes:
        """Where attributes are pulled from: the principal source."""
        return self.order.source

    @property
    def frames(self) -> Frames:
        """The values of the result, whatever they are of."""
        return self.order.frames

    @property
    def volume(self) -> Volume:
        """The values of a result that is one volume.

        Raises
        ------
        UsageError
            ``SHOW-PICTURES`` for pictures, and for views from around, which are none.
        GeometryError
            ``GEO-4D`` for several volumes: :attr:`frames` has them.
        """
        volumes = self.frames.volumes
        if not volumes:
            raise UsageError("SHOW-PICTURES", f"{self.frames.called} are no volume; look at them with any viewer")
        if len(volumes) > 1:
            raise GeometryError("GEO-4D", f"the result has {len(volumes)} volumes; frames.volumes has them one by one")
        return volumes[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Give :func:`numpy.asarray` the values of a result that is one volume, before they are stored."""
        return as_array(self.volume, dtype, copy)

    @cached_property
    def series(self) -> tuple[DerivedSeries, ...]:
        """What is written as a series of its own: itself, or each of its volumes (``series_per``)."""
        parts = in_series(self.order, self.options)
        return (self,) if len(parts) == 1 else tuple(DerivedSeries(*part) for part in parts)

    @cached_property
    def count(self) -> int:
        """How many instances there are, of all series."""
        if len(self.series) > 1:
            return sum(part.count for part in self.series)
        held = partition(self.order, one_object=self.options.one_object)
        if not self._spooled:
            return len(held)
        (_, rows, columns), form = self.frames.shape, self.frames.format
        return sum(part_count(len(indices), rows * columns * form.samples * form.bits) for indices in held)

    @property
    def _spooled(self) -> bool:
        """Whether frames wait aside before they are written."""
        return self.order.target.spooled

    @property
    def derivation(self) -> Derivation:
        """What was done."""
        return self.order.derivation

    @cached_property
    def prepared(self) -> Prepared:
        """What is settled before the first instance."""
        return prepare(self.order, self.options)

    @cached_property
    def series_pass(self) -> SeriesPass:
        """What is the same for all instances, and the account of every attribute."""
        return assemble(self.prepared.authoring)

    @property
    def account(self) -> tuple[Entry, ...]:
        """What became of every attribute, and why."""
        return self.series_pass.account

    def explained(self) -> tuple[Entry, ...]:
        """What became of every attribute that the first instance has; it is computed for that."""
        first = next(self.made())
        return tuple(e for e in self.series[0].account if e.tag in first.elements)

    def plan(self) -> SeriesPlan:
        """Say what the series would be, without decoding a pixel.

        Raises
        ------
        AssembleError
            As writing it would.
        """
        return plan_of(self.order, self.options)

    def made(self, folder: Path | None = None) -> Iterator[AuthoredInstance]:
        """Assemble the instances one after another, along the normal, of one series after another.

        Parameters
        ----------
        folder : Path, optional
            Where the frames of an instance of many wait until it is written.
        """
        if len(self.series) > 1:
            yield from chain.from_iterable(part.made(folder) for part in self.series)
            return
        for frame, pixels in instances(*self.prepared, folder):
            made = AuthoredInstance(frame, self.series_pass.instance(frame), pixels)
            yield from parts_of(made, self.prepared.authoring.uids)

    def instances(self) -> Iterator[Dataset]:
        """Give the instances one at a time, as plain Datasets with File Meta Information."""
        for made in self.made():
            yield dataset_of(made, self.options.compression_of(self.derivation))

    def write(self, folder: str | Path, *, overwrite: bool = False, progress: Progress | None = None) -> Report:
        """Write the series as a folder of Part 10 files: everything, checked, or nothing; several in folders in it.

        Parameters
        ----------
        folder : str or Path
            New or empty.
        overwrite : bool
            Replace a folder that is not empty, as a whole, if derive wrote all that is in it.
        progress : callable (done, all), optional

        Raises
        ------
        OutputError
            If the folder cannot be written as asked.
        InvalidInstance
            If the check finds errors; nothing is written.
        """
        told, target = progress or partial(tell, "writing"), Path(folder)
        with target_folder(target, self._size, self.order.untouched, overwrite=overwrite) as temporary:
            reports: list[Report] = []
            for part, below in zip(self.series, folders_of(temporary, len(self.series)), strict=True):
                below.mkdir(exist_ok=True)
                done = partial(_told, told, sum(len(report.instances) for report in reports), self.count)
                writer = Writer(below, part.frames, self.options.compression_of(self.derivation))
                findings = write_instances(part.made(temporary.parent), writer, part._checker, done)
                part.order.proof(below)
                reports.append(report_of(part.series_pass, target, writer, findings))
        return joined(reports, [part.order.told for part in self.series])

    def deidentified(
        self, profile: str | Profile = "basic", *, keep_uids: bool = False, **options: Any
    ) -> DeidentifiedSeries:
        """Return the series as it may leave the house (PS3.15 Annex E); nothing is computed before it is written.

        Parameters
        ----------
        profile : str or Profile
            A base with its options: ``basic``, ``basic+device-identity``.
        keep_uids : bool
            Keep the UIDs (Retain UIDs Option), and so the references to the sources.
        **options
            As in :class:`derive.deidentification.profile.wanted.Wanted`.

        Raises
        ------
        UsageError
            ``OPT-UNKNOWN``.
        """
        from derive.deidentification.derived import DeidentifiedSeries, wanted_options

        return DeidentifiedSeries(self, wanted_options(profile, keep_uids=keep_uids, **options), self.order.untouched)

    def send(self, target: str | Address | Destination, **options: Any) -> SendReport:
        """Write the series into a temporary folder, checked, and send it to an archive.

        Parameters
        ----------
        target : str, Address or Destination
            A name of ``derive.toml``, ``AET@host:port``, or the root of a DICOMweb service.
        **options
            As in :class:`derive.pacs.send.SendOptions`.

        Returns
        -------
        SendReport
            Its ``retry()`` works as long as it is kept.

        Raises
        ------
        NetworkError
            If nothing can be sent at all.
        """
        folder = scratch()
        self.write(Path(folder.name) / "series")
        return replace(send(folder.name, target, **options), kept=folder)

    @property
    def _checker(self) -> SeriesChecker:
        """What checks the result: what is derived is held to more than what only has another form."""
        if self.derivation.passes:
            return SeriesChecker(passed=True)
        geometry = self.frames.geometry
        uneven = geometry is not None and (geometry.tilted or not is_even(geometry))
        sources, blemishes = self.order.sources.references, self.order.blemishes
        return SeriesChecker(sources=sources, made=True, blemishes=blemishes, uneven=uneven)

    @property
    def _size(self) -> int:
        """Bytes that the files take, generously."""
        copies = 1 + self._spooled + (self.options.compression_of(self.derivation) is not None)
        written = (order.frames for order in (self.order, *self.order.companions))
        return sum(copies * frames.stored_bytes + frames.count * HEADER_ROOM for frames in written)


def _told(progress: Progress, before: int, count: int, done: int) -> None:
    """Tell how many of all instances are done, where some of another series were before."""
    progress(before + done, count)
