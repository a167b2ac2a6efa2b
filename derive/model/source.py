"""The source of a derivation: which frames there are, and on what they agree.

Every attribute is worked out once: constant over the series, or varying. What a new instance pulls is
the value on which the source frames that contributed to it agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pydicom.charset import convert_encodings
from pydicom.multival import MultiValue

import codes
from codes import Code
from derive.elements.element import Element, tag_of, tag_told
from derive.elements.encoding import decode
from derive.elements.mend import legal
from derive.errors import GeometryError
from derive.model.attribute_table import Agreement, AttributeTable
from derive.model.classes import target_of
from derive.model.colours import Colours
from derive.model.dimension import Dimension, dimensions_told
from derive.model.evidence import known_instances
from derive.model.geometry import ONE_GRID_MM, Geometry, extent_of
from derive.model.loss import Loss, loss_of
from derive.model.mapping import RealWorldMapping, mappings_of
from derive.model.orientation import reach_mm, turned_mm
from derive.model.reference import FrameRef, frames_of_principal
from derive.model.remark import ABSENT, Remark
from derive.model.source_frame import Reference, SourceFrame
from derive.model.stacking import coloured, stack, stacked
from derive.model.volume import Volume, as_array
from derive.standard import is_single_frame
from derive.told.wording import counted


class Skipped(NamedTuple):
    """A file that was found and is not part of the series."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Attributes:
    """Where attributes are pulled from: what some frames say, or what a person says.

    Parameters
    ----------
    table : AttributeTable
        What is said, a column a frame.
    tags : frozenset of int
        Every tag that is there, private ones included.
    said : mapping tag -> text
        What stands in the table because a person said so, and the rule by which it does.
    frames : tuple of SourceFrame
        In spatial order, ascending along the normal; none where a person says all.
    skipped : tuple of Skipped
        What else was found, and why it is not part of the series.
    geometry : Geometry, optional
        Where the frames are.
    related : mapping SOP Instance UID -> Reference
        Other instances that the frames refer to, localizers say, as far as they were found beside them.
    remarks : tuple of Remark
        What is odd about the files, and stopped nothing.
    assumed : mapping keyword -> text
        What a person said since the files say nothing legal.
    """

    table: AttributeTable
    tags: frozenset[int]
    said: Mapping[int, str] = field(default_factory=dict)
    frames: tuple[SourceFrame, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    geometry: Geometry | None = None
    remarks: tuple[Remark, ...] = ()
    assumed: Mapping[str, str] = field(default_factory=dict, repr=False)
    related: Mapping[str, Reference] = field(default_factory=dict)
    #: Why an attribute is not there.
    lacking: ClassVar[str] = "the source has none"

    def agreement(self, tag: int, contributors: Sequence[FrameRef] = ()) -> Agreement:
        """Return the value on which the frames of this source that contributed agree; all where none did."""
        return self.table.agreement(tag, frames_of_principal(contributors) or None)

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Identities of the instances that hold the frames, in spatial order; empty where there are none."""
        return tuple(f.reference for f in self.frames)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Files that the frames were read from."""
        return tuple(dict.fromkeys(f.path for f in self.frames if f.path is not None))

    @cached_property
    def illegal(self) -> Mapping[int, str]:
        """What is not legal and so as if it were not there, in some image or in all: why, by tag."""
        told = ((tag_told(r.keyword), r.message) for r in self.remarks if r.code == ABSENT)
        return {tag: message for tag, message in told if tag is not None}

    def slice_of(self, frame: int) -> int | None:
        """Return in which slice a frame is, of those of all volumes one after another; None for one that is in all."""
        return frame

    def losses(self) -> list[Loss | None]:
        """What was lost of every frame that was ever compressed with loss; None where that is not known."""
        return [
            loss_of(
                [float(r) for r in _listed(self.value("LossyImageCompressionRatio", i))],
                [str(m) for m in _listed(self.value("LossyImageCompressionMethod", i))],
                self.frames[i].loss if self.frames else None,
            )
            for i in range(self.table.count)
            if self.value("LossyImageCompression", i) == "01" or (self.frames and self.frames[i].lossy)
        ]

    @cached_property
    def mappings(self) -> tuple[tuple[RealWorldMapping, ...], ...]:
        """What every frame says of the real world behind its stored values (C.7.6.16.2.11); nothing that is illegal."""
        return tuple(self._mappings(i) for i in range(len(self.frames)))

    def _mappings(self, index: int) -> tuple[RealWorldMapping, ...]:
        frame, element = self.frames[index], self.table.element(tag_of("RealWorldValueMappingSequence"), index)
        if element is None:
            return ()
        rule = target_of(frame.reference.sop_class_uid).iod.attributes[element.keyword]
        return mappings_of(legal(element, rule, (), self.encodings)[0], frame.rescale, frame.stored_range)

    @cached_property
    def encodings(self) -> list[str]:
        """Python names of the character set; of the first frame where they differ."""
        element = self.table.element(tag_of("SpecificCharacterSet"), 0)
        return convert_encodings(decode(element) if element else None)

    def in_utf8(self) -> Self:
        """Return the same with all text in ISO_IR 192."""
        return replace(self, table=self.table.transcoded(self.encodings))

    def value(self, keyword: str, index: int | None = None) -> Any:
        """Return the decoded value of frame `index`, or the one on which all agree; None without."""
        tag = tag_of(keyword)
        element = self.agreement(tag).element if index is None else self.table.element(tag, index)
        return None if element is None else decode(element, self.encodings)

    def text(self, keyword: str, index: int | None = None) -> str:
        """Return the value as text without padding, several with a backslash between them; empty without.

        A list never becomes text by `str`, which would put ``['A', 'B']`` into a file.
        """
        value = self.value(keyword, index)
        many = value if isinstance(value, MultiValue | list | tuple) else [value]
        return "\\".join("" if v is None else str(v).strip() for v in many)

    def values(self, keyword: str) -> list[Any]:
        """Return the decoded value of every frame; None without."""
        return [self.value(keyword, i) for i in range(len(self.frames))]

    @cached_property
    def scrolls_down(self) -> bool:
        """Whether Instance Numbers fall along the normal, in each volume: the source's own order of scrolling."""
        slices = self.geometry.shape[0] if self.geometry else len(self.frames)
        said = np.array([(k % slices, n) for k, n in enumerate(self.values("InstanceNumber")) if n is not None], float)
        if len(said) < 2 or len(np.unique(said[:, 0])) < 2:
            return False
        return bool(np.polyfit(said[:, 0], said[:, 1], 1)[0] < 0)


@dataclass(frozen=True, kw_only=True, repr=False)
class SourceSeries(Attributes):
    """One readable series, or one stack of it, sorted volume by volume, each by position along the normal.

    Parameters
    ----------
    geometry : Geometry
        Where the frames of each volume are.
    dimensions : tuple of Dimension
        What tells the volumes apart; none of a single one.
    stack : str
        What tells it from the other stacks of its series; empty where there is one.
    uneven : GeometryError, optional
        Why its slices are no even stack along their normal (``GEO-TILT``, ``GEO-GAP``, ``GEO-SPACING``). Who needs one
        says it: :func:`derive.stack`, and every operation that does not stay in its planes.
    beside : tuple of SourceSeries
        Further stacks of the series, which become results of their own (``every_stack`` of :func:`derive.read`).
    """

    geometry: Geometry
    dimensions: tuple[Dimension, ...] = ()
    stack: str = ""
    uneven: GeometryError | None = field(default=None, compare=False)
    beside: tuple[SourceSeries, ...] = ()

    def __repr__(self) -> str:
        """Which modality, how many voxels of what size, and of how many volumes by what; no patient."""
        told = [target_of(self.sop_class_uid).modality, *filter(None, [self.stack]), extent_of(self.geometry)]
        if self.dimensions:
            told.append(f"{len(self.dimensions[0].values)} volumes by {dimensions_told(self.dimensions)}")
        if self.skipped:
            told.append(f"{counted(len(self.skipped), 'file')} skipped")
        return f"<SourceSeries: {', '.join(told)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from derive.display.html import html_of_source

        return html_of_source(self)

    @cached_property
    def volume(self) -> Volume:
        """Its real-world values, decoded when they are asked for, as :func:`derive.stack` gives them.

        Raises
        ------
        ValuesError
            ``VAL-UNITS`` if the images are in different units, or do not state theirs.
        GeometryError
            ``GEO-TILT``, ``GEO-GAP``, ``GEO-SPACING`` for slices that are no even stack.
        """
        return stack(self)

    @cached_property
    def volumes(self) -> tuple[Volume, ...]:
        """Its volumes one by one, in the order of its dimensions, as :func:`derive.stack` gives one.

        Raises
        ------
        ValuesError, GeometryError
            As :attr:`volume`.
        """
        return stacked(self).volumes

    @cached_property
    def colours(self) -> Colours:
        """Its frames in colours, decoded when asked for; ``VAL-COLOUR`` for grey ones, else as :attr:`volume`."""
        return coloured(self)

    def volume_beside(self, first: Geometry) -> Volume:
        """Return :attr:`volume`, wherever another series lies that it is taken beside."""
        return self.volume

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Give :func:`numpy.asarray` the real-world values: (slices, rows, columns), NaN where there is padding."""
        return as_array(self.volume, dtype, copy)

    @property
    def sop_class_uid(self) -> str:
        """SOP Class of the instances that hold the frames."""
        return self.frames[0].reference.sop_class_uid

    @property
    def series_instance_uid(self) -> str:
        """Series of the instances."""
        return self.frames[0].reference.series_instance_uid

    @cached_property
    def turned_mm(self) -> float:
        """How far a pixel lies from where its own image puts it, mm: rows and columns have one orientation for all."""
        said = np.array([f.plane.cosines for f in self.frames if f.plane is not None]).reshape(-1, 6)
        grid = self.geometry
        reach = reach_mm(*grid.shape[1:], grid.pixel_spacing)
        return float(turned_mm(said, np.array(grid.plane(0).cosines), reach).max(initial=0.0))

    def only(self, shared: frozenset[int], given: Mapping[int, Element], said: Mapping[int, str]) -> SourceSeries:
        """Return the same images, of which only some attributes are known, and others that were given.

        Parameters
        ----------
        shared : frozenset of int
            Tags that are kept.
        given : mapping tag -> Element
            What is said instead.
        said : mapping tag -> text
            By which rule each of these stands.
        """
        table = self.table.only(shared, given)
        return replace(self, table=table, tags=frozenset({*table.constant, *table.varying}), said=said)


def _listed(value: Any) -> list[Any]:
    """Values of an attribute of several."""
    if value is None or value == "":
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


@dataclass(frozen=True, kw_only=True)
class GivenAttributes(Attributes):
    """What a person says of a volume that no image is behind: all of it constant."""

    lacking: ClassVar[str] = "nobody said"

    @classmethod
    def of(cls, elements: Mapping[int, Element], said: Mapping[int, str]) -> GivenAttributes:
        """Take elements, and by which rule each of them stands."""
        return cls(table=AttributeTable.of([elements]), tags=frozenset(elements), said=said)


@dataclass(frozen=True)
class Sources:
    """What a result is made of: attributes are pulled from the principal source, pixels from all.

    Parameters
    ----------
    principal : Attributes
    others : tuple of (Attributes, Code)
        With the Purpose of Reference of each (CID 7202).
    """

    principal: Attributes
    others: tuple[tuple[Attributes, Code], ...] = ()

    @cached_property
    def all(self) -> tuple[Attributes, ...]:
        """Every source, in the order in which :class:`FrameRef` counts them."""
        return (self.principal, *(source for source, _ in self.others))

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """Identities of the instances of all sources."""
        return tuple(r for source in self.all for r in source.references)

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Files that all sources were read from."""
        return tuple(dict.fromkeys(path for source in self.all for path in source.paths))

    @cached_property
    def known(self) -> Mapping[bytes, Reference]:
        """Every instance of which they say in which series it is, and they themselves, by UID."""
        return known_instances(self.all)

    def reference(self, frame: FrameRef) -> Reference:
        """Identity of the instance that holds a frame."""
        return self.all[frame.source].references[frame.frame]

    def numbers(self, frames: Sequence[FrameRef]) -> tuple[int, ...]:
        """Referenced Frame Numbers of those of some frames that are of multi-frame instances, in order."""
        found = (self.all[f.source].frames[f.frame] for f in frames)
        return tuple(
            f.number for f in found if f.number and not f.tiled and not is_single_frame(f.reference.sop_class_uid)
        )

    def tiled(self, frame: FrameRef) -> bool:
        """Whether a frame is a slice beside others in a frame of its instance."""
        source = self.all[frame.source]
        return bool(source.frames) and source.frames[frame.frame].tiled

    def at_its_place(self, frame: FrameRef, index: int, slices: int) -> bool:
        """Whether a frame lies where frame `index` of a result does that has the grid of the principal source.

        Parameters
        ----------
        frame : FrameRef
        index : int
            Of the result, volume after volume; or its slice.
        slices : int
            Of each volume, of the source as well.
        """
        here = self._on_one_grid[frame.source] and not frame.moved
        place = self.all[frame.source].slice_of(frame.frame)
        return here and (place is None or place % slices == index % slices)

    @cached_property
    def _on_one_grid(self) -> tuple[bool, ...]:
        """Whether each source lies on the grid of the principal one."""
        grid = self.principal.geometry
        others = (source.geometry for source, _ in self.others)
        return (
            True,
            *(bool(grid and other and grid.same_grid(other, ONE_GRID_MM)) for other in others),
        )

    def purpose(self, frame: FrameRef) -> Code | None:
        """Purpose of Reference of a frame, else of its source; None for the principal one."""
        if frame.purpose:
            return codes.context_group(7202).find(frame.purpose)
        return self.others[frame.source - 1][1] if frame.source else None

    @cached_property
    def loss(self) -> Loss | None:
        """Ratio and method of the frame that lost most; None where those of any lossy frame are not known.

        One pair speaks for a series: readers take attributes that some of its images lack for those of two series.
        """
        found = [loss for source in self.all for loss in source.losses()]
        known = [loss for loss in found if loss is not None]
        return max(known, key=lambda loss: loss.whole, default=None) if len(known) == len(found) else None

    def in_utf8(self) -> Sources:
        """Return the same, with all text of the principal source in ISO_IR 192."""
        return replace(self, principal=self.principal.in_utf8())
