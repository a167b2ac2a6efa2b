"""What would be made: from headers only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from derive.authoring.apart import in_series
from derive.authoring.assemble import assemble
from derive.authoring.containers import contributors_by_instance
from derive.authoring.decision import Entry
from derive.authoring.options import Options
from derive.authoring.order import Order
from derive.authoring.prepare import draft
from derive.model.dimension import Dimension, dimensions_told
from derive.model.geometry import Geometry


@dataclass(frozen=True)
class SeriesPlan:
    """A series as it would be made.

    Parameters
    ----------
    source, result : Geometry, optional
        None for what no series is behind, and for pictures that lie nowhere.
    images : int
        How many instances there would be.
    sop_class_uid : str
    steps : tuple of str
    sources_per_image : (int, int)
        Fewest and most source images that an image would reference.
    pixel_bytes : int
        Of the pixel data of all images together.
    account : tuple of Entry
        What would become of every attribute.
    volumes : int
        How many volumes it would have.
    dimensions : tuple of Dimension
        What tells several of them apart.
    series : int
        How many series they would become.
    one_a : str
        Of what each of several series is one.
    """

    source: Geometry | None
    result: Geometry | None
    images: int
    sop_class_uid: str
    steps: tuple[str, ...]
    sources_per_image: tuple[int, int]
    pixel_bytes: int
    account: tuple[Entry, ...]
    volumes: int = 1
    dimensions: tuple[Dimension, ...] = ()
    series: int = 1
    one_a: str = "one a volume"

    def __str__(self) -> str:
        """Return a few lines for people."""
        counts = Counter(e.action for e in self.account)
        fewest, most = self.sources_per_image
        return "\n".join(
            [
                f"source  {_line(self.source)}",
                *(f"step    {s}" for s in self.steps),
                f"result  {_line(self.result)}",
                *([f"volumes {self.volumes} by {dimensions_told(self.dimensions)}"] if self.dimensions else []),
                *([f"series  {self.series}, {self.one_a}"] if self.series > 1 else []),
                f"images  {self.images} of SOP Class {self.sop_class_uid}",
                f"sources {fewest} to {most} an image",
                f"size    {self.pixel_bytes / 1e6:.1f} MB of pixel data",
                "attributes  " + ", ".join(f"{n} {action}" for action, n in sorted(counts.items())),
            ]
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "schema": "derive-plan/1",
            "source": _facts(self.source),
            "result": _facts(self.result),
            "volumes": self.volumes,
            "dimensions": [d.keyword for d in self.dimensions],
            **({"series": self.series} if self.series > 1 else {}),
            "images": self.images,
            "sop_class_uid": self.sop_class_uid,
            "steps": list(self.steps),
            "sources_per_image": list(self.sources_per_image),
            "pixel_bytes": self.pixel_bytes,
            "attributes": [e.to_json() for e in self.account],
        }


def plan_of(order: Order, options: Options) -> SeriesPlan:
    """Say what a series would be, without decoding a pixel.

    Raises
    ------
    AssembleError
        As writing it would.
    """
    frames, source = order.frames, order.source
    parts = in_series(order, options)
    first, own = parts[0]
    authoring = draft(first, own)
    found = (contributors_by_instance(part, one_object=said.one_object) for part, said in parts)
    counts = [len(c) for contributors in found for c in contributors]
    return SeriesPlan(
        source.geometry,
        frames.geometry,
        len(counts),
        order.target.iod.sop_class_uid,
        tuple(s.description for s in order.derivation.steps),
        (min(counts), max(counts)),
        sum(part.frames.stored_bytes for part, _ in parts),
        assemble(authoring).account,
        max(1, len(frames.volumes)),
        frames.dimensions if len(frames.volumes) > 1 else (),
        len(parts),
        "one a stack" if order.part else "one a volume",
    )


def _line(geometry: Geometry | None) -> str:
    if geometry is None:
        return "none"
    slices, rows, columns = geometry.shape
    x, y, z = geometry.pixel_spacing[1], geometry.pixel_spacing[0], geometry.slice_spacing
    return f"{columns} x {rows} x {slices} voxels of {x:.6g} x {y:.6g} x {z:.6g} mm (x y z)"


def _facts(geometry: Geometry | None) -> dict[str, Sequence[Any]] | None:
    if geometry is None:
        return None
    return {
        "shape": geometry.shape,
        "spacing_mm": geometry.spacing,
        "first_position": geometry.first_position,
        "row_cosines": geometry.row_cosines,
        "column_cosines": geometry.column_cosines,
    }
