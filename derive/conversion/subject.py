"""What becomes of the numbers of a file: of which class, where they lie, and what they are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive import parallel
from derive.conversion.capture import as_pictures
from derive.conversion.channels import Channels, like_labels
from derive.conversion.numbers import Numbers, numbers_of
from derive.conversion.options import Conversion, Meaning
from derive.conversion.overlap import contributors
from derive.conversion.placement import Stated, affine_of, in_own_space
from derive.conversion.segment_options import Segmenting
from derive.conversion.segmenting import SegmentsFound, segmented
from derive.conversion.volumes import dimensions_of
from derive.errors import GeometryError, UsageError, ValuesError
from derive.formats.samples import Samples
from derive.model.classes import Target, class_for, class_of_kind, target_of
from derive.model.frames import Frames, Pictures, Volumes
from derive.model.geometry import POSITION_TOLERANCE_MM
from derive.model.other_class import placed
from derive.model.reorient import Matrix, Placing, Wish, place
from derive.model.segments import SEGMENTATION
from derive.model.source import SourceSeries
from derive.model.volume import Array, Quantity, Volume
from derive.pixels.encode import GREY_16, SourceEncoding
from derive.told.wording import flag

LONGEST_SIDE = 65535
HU = "HU"
#: Nothing is known of how values were stored.
UNKNOWN = SourceEncoding((), (), False, None)


@dataclass(frozen=True)
class Subject:
    """Numbers of a file, what is wished of them, and the series that they belong to.

    Parameters
    ----------
    samples : Samples
        Of one time, or of several for classes that can tell them apart.
    wishes : Conversion
    reference : SourceSeries, optional
    segmenting : Segmenting
        What is wished of a segmentation.
    more : tuple of Path
        Further files, of several masks.
    """

    samples: Samples
    wishes: Conversion
    reference: SourceSeries | None
    segmenting: Segmenting = field(default_factory=Segmenting)
    more: tuple[Path, ...] = ()

    @cached_property
    def modality(self) -> str:
        """The one that was asked for, else that of the reference; pictures are OT if nobody says more."""
        if self.wishes.kind == SEGMENTATION:
            return target_of(self.sop_class_uid).modality
        if self.wishes.modality:
            return self.wishes.modality
        if self.wishes.kind != "volume":
            return "OT"
        if self.reference is not None:
            return self.reference.text("Modality")
        raise UsageError(
            "OPT-MODALITY",
            f"what is it? give {flag('modality', 'NAME')} (CT, MR or PT), or {flag('kind', 'secondary-capture')}",
        )

    @cached_property
    def sop_class_uid(self) -> str:
        """Class of the result."""
        if self.wishes.kind == SEGMENTATION:
            return class_of_kind(self.segmenting.type.kind)
        pixels = GREY_16 if self.wishes.kind == "volume" else self.frames.format
        return class_for(self.wishes.kind, self.modality, pixels)

    @property
    def target(self) -> Target:
        """What we decided for that class."""
        target = target_of(self.sop_class_uid, drawn=True)
        return placed(target) if target.container == "pages" and self.placing is not None else target

    @cached_property
    def placing(self) -> Placing | None:
        """How the file's axes become planes; None for pictures that lie nowhere."""
        samples, wishes = self.samples, self.wishes
        there = None if self.reference is None else self.reference.geometry
        stated = (wishes.orientation, wishes.spacing_xyz, wishes.origin_xyz)
        if wishes.kind not in ("volume", SEGMENTATION) and samples.affine is None and stated == (None, None, None):
            if wishes.plane is not None:
                raise UsageError(
                    "GEO-PLANE", f"{samples.name} lies nowhere, and so in no plane; leave out {flag('plane')}"
                )
            return None
        affine = self._affine
        uid = there.frame_of_reference_uid if there else ""
        placing = place(affine, samples.array.shape[:3], Wish(wishes.plane, there, samples.slice_axis), uid)
        sides = placing.geometry.shape[1:]
        if max(sides) > LONGEST_SIDE:
            raise GeometryError(
                "GEO-MATRIX", f"{sides[0]} rows of {sides[1]} columns; an image has at most {LONGEST_SIDE} of each"
            )
        if there is not None and placing.geometry.largest_distance(there) <= POSITION_TOLERANCE_MM:
            return replace(placing, geometry=there)
        if there is not None:
            own = placing.geometry
            return replace(placing, geometry=replace(own, slice_thickness=own.slice_spacing))
        return placing

    @cached_property
    def _affine(self) -> Matrix:
        """Of the indices of the file to LPS mm."""
        return affine_of(self.samples, self._stated, None if self.reference is None else self.reference.geometry)

    @property
    def _stated(self) -> Stated:
        return Stated(self.wishes.orientation, self.wishes.spacing, self.wishes.origin)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done on the way from the file that a user has to know."""
        there = None if self.reference is None else self.reference.geometry
        if self.wishes.kind == SEGMENTATION:
            return (*self.samples.notes, *self.segmentation.notes)
        notes = self.samples.notes
        if self.wishes.kind == "volume" and like_labels(self.samples):
            notes = (
                *notes,
                f"{self.samples.name} looks like a label map: {flag('kind', SEGMENTATION)} makes segments of it",
            )
        if self.placing is None or self.samples.place.origin or not in_own_space(self.samples, self._stated, there):
            return notes
        return (*notes, "nobody says where its first voxel is; it is at 0 0 0 of a space of its own")

    @cached_property
    def meaning(self) -> Meaning:
        """What the numbers are said to be; a class of HU takes them for HU, and looks at whether they can be."""
        meaning = Meaning.of(self.wishes.values or ("hu" if self.target.units == HU else "as-is"))
        if meaning.kind == "hu" and self.target.units != HU:
            raise UsageError("VAL-MEANING", f"{flag('values', 'hu')} is for CT; {self.modality} has other units")
        return meaning

    @cached_property
    def numbers(self) -> Numbers | None:
        """The numbers as values; None for pictures, whose numbers are what they are."""
        if self.wishes.kind != "volume":
            return None
        return numbers_of(self.samples, self.meaning, self.wishes.nan_value)

    @cached_property
    def quantity(self) -> Quantity:
        """Units of the values."""
        target = self.target
        if target.units == HU and self.meaning.kind != "as-is":
            return Quantity(HU, target.fill)
        units = self.wishes.units or target.unspecified
        if not units:
            known = "" if self.reference is None else f" (the reference has {self.reference.text('Units')})"
            raise UsageError(
                "VAL-UNITS",
                f"what are the values of this {self.modality}? give {flag('units', 'TEXT')}, e.g. BQML{known}",
            )
        return Quantity(units)

    @cached_property
    def frames(self) -> Frames:
        """The values, on planes; or pages."""
        if self.wishes.kind == SEGMENTATION:
            return self.segmentation.frames
        if self.wishes.kind != "volume":
            return self._pictures()
        numbers, placing = self.numbers, self.placing
        assert numbers is not None, "a volume has values"
        assert placing is not None, "a volume lies somewhere"
        behind = self.reference
        empty = Volume(
            placing.geometry,
            pull=_nothing,
            contributors=contributors(placing.geometry, behind.geometry) if behind else (lambda index: ()),
            quantity=self.quantity,
            value_range=numbers.value_range,
        )
        volumes = tuple(_volume(array, numbers, empty) for array in placing.of(self.samples.array))
        return Volumes(volumes, dimensions_of(self.samples, self.wishes, self.target, self._affine))

    @cached_property
    def segmentation(self) -> SegmentsFound:
        """The frames of a segmentation, on the grid of the reference."""
        assert self.reference is not None, "a segmentation is one of a series"
        assert self.placing is not None, "and lies where that does"
        wishes, who = self.wishes, self.wishes.algorithm
        return segmented(
            Channels(self.samples, self.more),
            self.placing,
            self.reference,
            self.segmenting,
            algorithm=who.name if who else "",
            require_overlap=wishes.require_overlap,
        )

    def _pictures(self) -> Pictures:
        pictures = as_pictures(self.samples, self.wishes, self.placing)
        if pictures.geometry is None or self.reference is None:
            return pictures
        return replace(pictures, contributors=contributors(pictures.geometry, self.reference.geometry))

    @property
    def stored(self) -> SourceEncoding:
        """How the file has them as stored values, as far as it does."""
        return UNKNOWN if self.numbers is None else self.numbers.stored

    @property
    def placed_within_mm(self) -> float:
        """How far a voxel is from where the file puts it."""
        return 0.0 if self.placing is None else self.placing.error_mm


def _volume(numbers: NDArray[Any], meaning: Numbers, empty: Volume) -> Volume:
    """Fill a volume with numbers (slice, row, column), rescaled when they are asked for."""

    def pull(first: int, last: int) -> Array:
        slab = np.empty((last - first, *empty.shape[1:]), np.float32)

        def read(index: int) -> None:
            meaning.values(numbers[first + index], slab[index])

        parallel.each(read, range(last - first))
        return slab

    return replace(empty, pull=pull)


def _nothing(first: int, last: int) -> Array:
    raise ValuesError("VAL-SLAB", "a volume without values was asked for some")
