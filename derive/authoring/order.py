"""What a builder of attributes knows: the series that is being made, and one frame of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from codes import Code
from derive.authoring.blemishes import blemishes_of
from derive.elements.element import Element, tag_of
from derive.model.blemishes import Blemishes
from derive.model.classes import Target, in_all_forms
from derive.model.derivation import Derivation, ValuesEffect
from derive.model.dimension import ACQUISITIONS, Dimension, DimensionValue, is_time
from derive.model.frames import FRAME_TIME, PAGE_NUMBER, Frames
from derive.model.geometry import Geometry
from derive.model.mapping import RealWorldMapping, agreed
from derive.model.pages import numbered
from derive.model.reference import FrameRef, frames_of_principal
from derive.model.source import Attributes, Sources
from derive.model.uids import Uids
from derive.model.views import Views
from derive.model.volume import Definition, Quantity
from derive.model.window import Window
from derive.pixels.encode import EncodedFrame, PixelFormat, Rescale, SourceEncoding
from derive.pixels.spool import SpooledFrames

#: What tells whether the dates of an instance are those of the clock (C.12.1).
SHIFTED = "LongitudinalTemporalInformationModified"


@dataclass(frozen=True)
class Given:
    """What the caller says of the new series.

    Parameters
    ----------
    series_description : str, optional
    series_number : int, optional
    spatial_locations_preserved : str
        ``YES`` or ``NO`` of steps of which nobody else knows; empty where nobody says so.
    attributes : mapping keyword -> text
        Series-level text that replaces what the policy would do.
    time : bool
        Whether the caller said when it is made.
    quantity : Code, optional
        What the quantity is of which somebody said the units.
    definition : tuple of (name, Code or Number)
        By what it is defined.
    one_object : bool
        Whether all volumes go into one instance, where frames do.
    """

    series_description: str | None = None
    series_number: int | None = None
    spatial_locations_preserved: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    time: bool = False
    quantity: Code | None = None
    definition: Definition = ()
    one_object: bool = False


@dataclass(frozen=True)
class InputAccount:
    """What is known of files that are no source: what they are, and what was lost on the way from them.

    Parameters
    ----------
    files : tuple of Path
        What the values come from beside the sources, and must not be touched.
    placed_within_mm : float
        How far a voxel is from where these files put it.
    rounded_by : float
        How far a value may be from that of these files before it is stored.
    notes : tuple of str
        What was done to them on reading that a user has to know.
    """

    files: tuple[Path, ...] = ()
    placed_within_mm: float = 0.0
    rounded_by: float = 0.0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Order:
    """What a series is to be made of.

    Parameters
    ----------
    sources : Sources
        Where attributes are pulled from.
    frames : Frames
        The result.
    derivation : Derivation
        What was done; no step at all for what was acquired like this.
    target : Target
        What class it becomes.
    stored : SourceEncoding
        How its values were stored before, as far as they were and still are.
    account_of_input : InputAccount
    part : str
        Which volume or stack it is, of a result that becomes several series; empty where it becomes one.
    beside : callable () -> Uids, optional
        UIDs of the study and the space of all series of such a result, where no source has them.
    companions : tuple of Order
        Series that are made beside it, of other quantities (how well a map fits), or of other stacks of the source.
    proof : callable (folder)
        Reads what was written with another library before it counts as written, and raises where that finds another.
    """

    sources: Sources
    frames: Frames
    derivation: Derivation
    target: Target
    stored: SourceEncoding
    account_of_input: InputAccount = InputAccount()
    part: str = ""
    beside: Callable[[], Uids] | None = None
    companions: tuple[Order, ...] = ()
    proof: Callable[[Path], None] = lambda folder: None

    @property
    def told(self) -> str:
        """Which of several series it is, in a few words."""
        return self.part or next((step.label for step in reversed(self.derivation.steps)), "")

    @property
    def source(self) -> Attributes:
        """The principal source."""
        return self.sources.principal

    @property
    def stored_as_they_are(self) -> bool:
        """Whether the values of the frames are stored values: of pictures, of colours, and of frames that pass."""
        colours = self.frames.format.samples > 1
        return colours or self.derivation.passes or self.target.rescale is Rescale.NONE

    @cached_property
    def blemishes(self) -> Blemishes:
        """In what the source does not say what its class asks for."""
        return blemishes_of(self.source, self.target)

    @property
    def files(self) -> tuple[Path, ...]:
        """What the values come from."""
        return tuple(dict.fromkeys((*self.account_of_input.files, *self.sources.paths)))

    @property
    def untouched(self) -> tuple[Path, ...]:
        """What must not be touched: files that this and its companions come from, and series whose grid a step took."""
        given = (value for step in self.derivation.steps for value in step.parameters.values())
        grids = (path for value in given if isinstance(value, Attributes) for path in value.paths)
        beside = (path for companion in self.companions for path in companion.untouched)
        return tuple(dict.fromkeys((*self.files, *grids, *beside)))


def _number(value: DimensionValue) -> float:
    return value if isinstance(value, float | int) else 0.0


@dataclass(frozen=True)
class Authoring:
    """A series in the making: all that its attributes follow from but the pixels, the same for all its instances.

    Parameters
    ----------
    order : Order
        Its principal source in a character set that holds all that is said.
    uids : Uids
    now : datetime
        When the pixels are made.
    given : Given
    window : Window, optional
        The source's where the quantity is kept, else from the values; None without one.
    voi_luts : Element, optional
        The source's VOI LUT Sequence where it is kept.
    """

    order: Order
    uids: Uids
    now: datetime
    given: Given
    window: Window | None = None
    voi_luts: Element | None = None

    @property
    def sources(self) -> Sources:
        """What it is made of."""
        return self.order.sources

    @property
    def source(self) -> Attributes:
        """Where attributes are pulled from: the principal source."""
        return self.order.source

    @property
    def frames(self) -> Frames:
        """The result."""
        return self.order.frames

    @property
    def derivation(self) -> Derivation:
        """What was done."""
        return self.order.derivation

    @property
    def target(self) -> Target:
        """What class it becomes."""
        return self.order.target

    @cached_property
    def quantity(self) -> Quantity:
        """What the values are: named as a person says, else as the operation that made them does."""
        found, given = self.frames.quantity, self.given
        if given.quantity is None:
            return found
        return replace(found, concept=given.quantity, definition=given.definition, label="")

    @cached_property
    def dated(self) -> bool:
        """Whether dates and times of now stand beside those of the source.

        *2026-11-30.* Longitudinal Temporal Information Modified says of all dates of an instance that they were
        shifted, or removed (C.12.1). It has to stay for those that are pulled, and would say it of ours, which are
        true: who computes with both is years off. So ours are left out, unless a person says a time of that calendar.
        """
        column = self.source.table.column(tag_of(SHIFTED))
        said = {e.stripped() for e in column if e is not None}
        return self.given.time or not said & {b"MODIFIED", b"REMOVED"}

    @property
    def date(self) -> str | None:
        """The date of now, as DA; None where it would be of another calendar than those of the source."""
        return self.now.strftime("%Y%m%d") if self.dated else None

    @property
    def time(self) -> str | None:
        """The time of now, as TM; None where the date is."""
        return self.now.strftime("%H%M%S.%f") if self.dated else None

    @property
    def encodings(self) -> Sequence[str]:
        """Python names of the character set of the result: that of the source."""
        return self.source.encodings

    @property
    def geometry(self) -> Geometry | None:
        """Where the pixels are; None for pictures that lie nowhere."""
        return self.frames.geometry

    @property
    def views(self) -> Views | None:
        """Images each on a plane of its own, where the result is that; None for anything else."""
        return self.frames if isinstance(self.frames, Views) else None

    @property
    def placed(self) -> bool:
        """Whether it was computed where its frames lie: in a grid, or each on its plane."""
        return self.geometry is not None or self.views is not None

    @property
    def pixel_format(self) -> PixelFormat:
        """How stored values lie in Pixel Data."""
        return self.frames.format

    @property
    def same_kind(self) -> bool:
        """Whether the values are of the quantity of a source of this class, in any form: what it says holds."""
        kept = self.derivation.values_effect is not ValuesEffect.NEW_QUANTITY
        alike = in_all_forms(self.target.iod.sop_class_uid)
        return kept and any(f.reference.sop_class_uid in alike for f in self.source.frames)

    @property
    def of_other_class(self) -> bool:
        """Whether it is of a class that no source image is of, in any form: what lies on no plane any more."""
        alike, frames = in_all_forms(self.target.iod.sop_class_uid), self.source.frames
        return bool(frames) and not any(f.reference.sop_class_uid in alike for f in frames)

    @cached_property
    def times(self) -> Dimension | None:
        """The dimension in which volumes are times, whatever else tells them apart: an echo, say, is none.

        *2026-12-01.* Acquisitions that follow each other are times, though their number only counts: single images of
        them, which lie at one place, would be taken for copies of each other by whoever reads no more than that.
        """
        dimensions = self.frames.dimensions
        known = next((d for d in dimensions if is_time(d.keyword)), None)
        return known or next((d for d in dimensions if d.keyword == ACQUISITIONS and self._follow_each_other(d)), None)

    def _follow_each_other(self, acquisitions: Dimension) -> bool:
        """Whether what has a higher number was acquired later, as far as the images of the source say when."""
        dates, clock = (self.source.values(k) for k in ("AcquisitionDate", "AcquisitionTime"))
        begins: dict[DimensionValue, list[tuple[str, str]]] = {}
        for index in range(self.frames.count if all(clock) else 0):
            behind = frames_of_principal(self.frames.contributors(index))
            value = acquisitions.values[self.frames.volume_and_place(index)[0]]
            begins.setdefault(value, []).extend((str(dates[k] or ""), str(clock[k])) for k in behind)
        firsts = [min(begins.get(v, ()), default=("", "")) for v in sorted(set(acquisitions.values), key=_number)]
        return all(one < other for one, other in pairwise(firsts))

    @cached_property
    def mappings(self) -> tuple[tuple[RealWorldMapping, ...], ...]:
        """What the source says of the real world behind its values, by frame of the result.

        Nothing for all of them where the images behind any of them do not agree.
        """
        if not self.same_kind or not any(self.source.mappings):
            return ()
        everywhere = agreed(self.source.mappings)
        if everywhere is not None:
            return (everywhere,) * self.frames.count
        behind = (frames_of_principal(self.frames.contributors(i)) for i in range(self.frames.count))
        each = [agreed(self.source.mappings[k] for k in found or range(len(self.source.mappings))) for found in behind]
        return tuple(e for e in each if e is not None) if None not in each else ()

    @property
    def frames_together(self) -> int:
        """How many pages an instance has; 0 where the class has single frames, or cines, or volumes."""
        pages = self.target.container in ("pages", "functional") and not self.frames.volumes and self.views is None
        return self.frames.count if pages else 0

    @property
    def pages_told(self) -> Dimension | None:
        """What tells the pages of an instance apart: what their frames say a page, else their number."""
        said, pages = self.frames.dimension, self.frames_together
        if not pages or (said is not None and said.keyword in (FRAME_TIME, PAGE_NUMBER)):
            return said if pages else None
        return numbered(pages)


@dataclass(frozen=True)
class Frame:
    """What one instance holds: a frame of the result, all of them as pages, or some of them with functional groups.

    Parameters
    ----------
    index : int
        Which frame it is: ascending along the normal, one volume after another.
    number : int
        Its Instance Number.
    contributors : tuple of FrameRef
        The frames of the sources whose pixels entered it.
    encoded : EncodedFrame
    place : int
        Its slice in the grid.
    volume : int
        Which of several volumes it is of, from 0.
    frames : tuple of Frame
        Those of an instance with functional groups, in order; of them all, this one says the sum.
    groups : tuple of mapping tag -> Element
        What the macros of each of these say.
    """

    index: int
    number: int
    contributors: tuple[FrameRef, ...]
    encoded: EncodedFrame
    place: int
    volume: int = 0
    frames: tuple[Frame, ...] = ()
    groups: tuple[Mapping[int, Element], ...] = ()

    def behind(self, count: int) -> Sequence[int]:
        """Which of the principal source's `count` frames it is made of; all, where it is made of none."""
        return frames_of_principal(self.contributors) or range(count)


class AuthoredInstance(NamedTuple):
    """One assembled instance.

    Parameters
    ----------
    frame : Frame
    elements : mapping tag -> Element
        Its attributes; Pixel Data among them unless there are `pixels`.
    pixels : SpooledFrames, optional
        Stored values of many frames, which wait aside.
    """

    frame: Frame
    elements: dict[int, Element]
    pixels: SpooledFrames | None = None

    @property
    def whole(self) -> dict[int, Element]:
        """All its attributes, Pixel Data among them: of many frames in memory."""
        if self.pixels is None:
            return self.elements
        return {**self.elements, self.pixels.tag: Element(self.pixels.tag, self.pixels.vr, self.pixels.value())}
