"""What a run did: the report that is returned, printed, and written as a manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from derive.authoring.assemble import SeriesPass
from derive.authoring.order import Order
from derive.checking import Finding
from derive.checking.finding import folded
from derive.model.assumption import told
from derive.model.derivation import Derivation, GeometryEffect, Typed, text_of
from derive.model.remark import Remark
from derive.model.segmented import Segmented
from derive.model.source import Attributes, SourceSeries
from derive.model.volume import known_units, shown_units
from derive.told.wording import counted
from derive.version import MODEL, VERSION
from derive.writing.filing import Writer, WrittenInstance
from derive.writing.segments import SegmentRecord, segments_of
from derive.writing.series import folders_of

SCHEMA = "derive-report/1"
#: What a manifest of a de-identified series is.
_DEIDENTIFIED = "derive-deidentification"


@dataclass(frozen=True)
class InstanceRecord:
    """One written instance.

    Parameters
    ----------
    file : str
    sop_instance_uid : str
    sources : tuple of str
        SOP Instance UIDs of the source images that contributed.
    value_error : float
        Largest difference between a computed and a stored value, in real-world units.
    saturated : int
        Values that did not fit and were clipped.
    frames : int
        How many frames with functional groups it holds; 1 for an image of a single frame, and for pages.
    """

    file: str
    sop_instance_uid: str
    sources: tuple[str, ...]
    value_error: float
    saturated: int
    frames: int = 1


@dataclass(frozen=True)
class SeriesRecord:
    """One of several series that were written.

    Parameters
    ----------
    folder : str
        Below that of the report.
    series_instance_uid : str
    part : str
        Which volume it is: ``EchoTime 4.6 ms``.
    instances : int
        How many it has.
    """

    folder: str
    series_instance_uid: str
    part: str
    instances: int


@dataclass(frozen=True)
class CompressionRecord:
    """How the pixels of what was written are encoded.

    Parameters
    ----------
    method : str
    transfer_syntax_uid : str
    ratio : float
        How many times longer they are native; of what is deflated, whole data sets.
    largest_error : int, optional
        By how much a stored value is off, of what was compressed with loss.
    """

    method: str
    transfer_syntax_uid: str
    ratio: float
    largest_error: int | None = None

    def __str__(self) -> str:
        """Return a few words."""
        lost = "" if self.largest_error is None else f", stored values within {self.largest_error}"
        return f"{self.method} {self.ratio:.2f}:1{lost}"


@dataclass(frozen=True)
class Report:
    """What was made, of what, how well, and what the checks said.

    Parameters
    ----------
    folder : Path
    source : Attributes
        The principal source.
    derivation : Derivation
    series_instance_uid : str
    units : str
        Units of `value_error`.
    instances : tuple of InstanceRecord
    geometry_error_mm : float, optional
        Largest distance between a voxel as written and where the images of the source put it; None for pictures that
        lie nowhere.
    findings : tuple of Finding
        Of the check; a written series has no errors among them.
    inputs : tuple of str
        Names of other files that the values come from.
    missed : tuple of Remark
        What of the source is left out, and would have been worth keeping.
    notes : tuple of str
        What was done to those on reading, and what they do not say.
    series : tuple of SeriesRecord
        Where a result became several series: each of them, in order; `series_instance_uid` is that of the first.
    segments : tuple of SegmentRecord
        Of a segmentation.
    compression : CompressionRecord, optional
        None where it is native.
    """

    folder: Path
    source: Attributes
    derivation: Derivation
    series_instance_uid: str
    units: str
    instances: tuple[InstanceRecord, ...]
    geometry_error_mm: float | None
    findings: tuple[Finding, ...] = ()
    inputs: tuple[str, ...] = ()
    missed: tuple[Remark, ...] = ()
    notes: tuple[str, ...] = ()
    series: tuple[SeriesRecord, ...] = ()
    segments: tuple[SegmentRecord, ...] = ()
    compression: CompressionRecord | None = None

    def __repr__(self) -> str:
        """Return its line."""
        return f"<Report: {self}>"

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        from derive.display.html import html_of_report

        return html_of_report(self)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What is odd about the source, and what of it is missed in the result."""
        return (*self.source.remarks, *self.missed)

    @property
    def value_error(self) -> float:
        """Largest difference between a computed and a stored value, in real-world units."""
        return max((i.value_error for i in self.instances), default=0.0)

    @property
    def saturated(self) -> int:
        """Values that did not fit 16 bits and were clipped."""
        return sum(i.saturated for i in self.instances)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, in spatial order."""
        return tuple(self.folder / i.file for i in self.instances)

    def __str__(self) -> str:
        """Return one line: how many, how exact, and what the check said."""
        warnings = counted(len(folded(self.findings)), "warning") if self.findings else "check clean"
        clipped = f", {counted(self.saturated, 'value')} clipped" if self.saturated else ""
        units, many = shown_units(self.units), sum(i.frames for i in self.instances)
        images = counted(len(self.instances), "image")
        if many != len(self.instances):
            images = f"{counted(many, 'frame')} of {counted(len(self.instances), 'instance')}"
        if self.series:
            images = f"{counted(len(self.series), 'series', 'series')} of {images}"
        where = "" if self.geometry_error_mm is None else f"geometry {self.geometry_error_mm:.4f} mm, "
        packed = f", {self.compression}" if self.compression else ""
        within = f"values within {self.value_error:.4g}{units}{clipped}{packed}"
        return f"{images} in {self.folder}: {where}{within}, {warnings}"

    def to_json(self) -> dict[str, Any]:
        """Return everything, for programs; also the manifest."""
        return {
            "schema": SCHEMA,
            "software": {"name": MODEL, "version": VERSION},
            "folder": str(self.folder),
            "series_instance_uid": self.series_instance_uid,
            "inputs": list(self.inputs),
            "notes": list(self.notes),
            "source": _source(self.source),
            "steps": [_step(s) for s in self.derivation.steps],
            "units": known_units(self.units),
            "value_error": self.value_error,
            "saturated": self.saturated,
            "geometry_error_mm": self.geometry_error_mm,
            "instances": [vars(i) | {"sources": list(i.sources)} for i in self.instances],
            "findings": [vars(f) for f in self.findings],
            "missed": [r.to_json() for r in self.missed],
            **({"series": [vars(s) for s in self.series]} if self.series else {}),
            **({"segments": [vars(s) for s in self.segments]} if self.segments else {}),
            **({"compression": vars(self.compression)} if self.compression else {}),
        }


def report_of(made: SeriesPass, folder: Path, writer: Writer, findings: Sequence[Finding]) -> Report:
    """Say what was written, and what the check said of it.

    Parameters
    ----------
    made : SeriesPass
    folder : Path
        Where it is.
    writer : Writer
        That wrote it.
    findings : sequence of Finding
    """
    authoring, order = made.authoring, made.authoring.order
    account, frames, source = order.account_of_input, order.frames, order.sources.principal
    own = frozenset(source.paths)
    return Report(
        folder,
        source,
        order.derivation,
        authoring.uids.series(),
        frames.quantity.units,
        tuple(_record(order, written) for written in sorted(writer.written)),
        writer.geometry_error_mm + account.placed_within_mm + _source_mm(order) if authoring.placed else None,
        tuple(findings),
        tuple(f.name for f in order.files if f not in own),
        made.missed,
        account.notes,
        compression=_compression(writer),
        segments=segments_of(frames) if isinstance(frames, Segmented) else (),
    )


def _compression(writer: Writer) -> CompressionRecord | None:
    how, ratio = writer.compression, writer.sizes.ratio
    if how is None or ratio is None:
        return None
    return CompressionRecord(how.method, how.transfer_syntax, ratio, writer.lost if how.lossy else None)


def joined(reports: Sequence[Report], parts: Sequence[str]) -> Report:
    """Return one report of what was written together: several series lie in folders of their own.

    Parameters
    ----------
    reports : sequence of Report
        Of each series, in order, with the folder of all of them.
    parts : sequence of str
        Which volume each is.
    """
    first = reports[0]
    if len(reports) == 1:
        return first
    places = [folder.name for folder in folders_of(first.folder, len(reports))]
    each = list(zip(reports, places, parts, strict=True))
    errors = [r.geometry_error_mm for r in reports if r.geometry_error_mm is not None]
    return replace(
        first,
        instances=tuple(replace(i, file=f"{place}/{i.file}") for r, place, _ in each for i in r.instances),
        geometry_error_mm=max(errors, default=None),
        findings=tuple(f for r in reports for f in r.findings),
        missed=tuple(dict.fromkeys(m for r in reports for m in r.missed)),
        series=tuple(SeriesRecord(place, r.series_instance_uid, told, len(r.instances)) for r, place, told in each),
    )


def is_report(file: Path) -> bool:
    """Whether a file is a report that was written as a manifest."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and str(found.get("schema", "")).startswith(
        (SCHEMA.partition("/")[0], _DEIDENTIFIED)
    )


def _source_mm(order: Order) -> float:
    """How far voxels of the principal source lie from where its images put them, mm.

    Rows and columns that differ a little have one orientation. A grid that is kept is written with the positions as
    they were read, and so is one whose slices lean or lie unevenly; another one was computed on the even grid.
    """
    source = order.source
    if not isinstance(source, SourceSeries):
        return 0.0
    kept = order.derivation.geometry_effect is GeometryEffect.KEEPS_GRID or source.uneven is not None
    return source.turned_mm + (0.0 if kept else source.geometry.uneven_mm)


def _record(order: Order, written: WrittenInstance) -> InstanceRecord:
    return InstanceRecord(
        written.name,
        written.sop_instance_uid,
        tuple(dict.fromkeys(order.sources.reference(c).sop_instance_uid for c in written.contributors)),
        written.value_error + order.account_of_input.rounded_by,
        written.saturated,
        written.frames,
    )


def _source(source: Attributes) -> dict[str, Any] | None:
    """Return what the series was made of; None where no series is behind it."""
    if not source.references:
        return None
    first = source.references[0]
    files = {i.reference.sop_instance_uid: i.name for i in source.frames}
    return {
        "study_instance_uid": first.study_instance_uid,
        "series_instance_uid": first.series_instance_uid,
        "sop_class_uid": first.sop_class_uid,
        "instances": [{"file": name, "sop_instance_uid": uid} for uid, name in files.items()],
        "skipped": [s._asdict() for s in source.skipped],
        "remarks": [r.to_json() for r in source.remarks],
        "assumed": told(source.assumed),
    }


def _step(step: Any) -> dict[str, Any]:
    return {
        "operation": step.name,
        "description": step.description,
        "parameters": {k: _plain(v) for k, v in step.parameters.items()},
        "code": step.code and {"value": step.code.value, "scheme": step.code.scheme, "meaning": step.code.meaning},
    }


def _plain(value: Any) -> Any:
    """Return a parameter as JSON has it; what JSON has not, as the text of the description."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, Sequence):
        return [_plain(v) for v in value]
    return value.text if isinstance(value, Typed) else text_of(value)
