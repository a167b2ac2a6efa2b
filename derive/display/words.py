"""One line for each kind of object, without patient data and without decoding anything."""

from __future__ import annotations

from derive.authoring.containers import instance_count
from derive.builder import DerivedSeries
from derive.display.grey import shown_units
from derive.display.sight import extent_of
from derive.model.classes import target_of
from derive.model.source import SourceSeries
from derive.model.volume import Volume
from derive.writing.report import Report


def repr_of_volume(volume: Volume) -> str:
    """Return how many voxels, of what size, in which units."""
    return f"<Volume: {extent_of(volume.geometry)}{_in(volume.quantity.units)}>"


def repr_of_source(series: SourceSeries) -> str:
    """Return which modality, and how many voxels of what size."""
    skipped = f", {len(series.skipped)} files skipped" if series.skipped else ""
    return f"<SourceSeries: {target_of(series.sop_class_uid).modality}, {extent_of(series.geometry)}{skipped}>"


def repr_of_derived(series: DerivedSeries) -> str:
    """Return which modality, how many voxels of what size, and what was done."""
    geometry, target = series.frames.geometry, target_of(series.order.sop_class_uid)
    count = instance_count(series.frames, target.container)
    extent = extent_of(geometry) if geometry else f"{count} instances of pictures"
    done = series.derivation.description or "as acquired"
    return f"<DerivedSeries: {target.modality}, {extent}, {done}>"


def repr_of_report(report: Report) -> str:
    """Return its line."""
    return f"<Report: {report}>"


def _in(units: str) -> str:
    return f", in{shown_units(units)}" if shown_units(units) else ""
