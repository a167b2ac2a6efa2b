"""derive: author derived medical images as new, valid DICOM series.

::

    read  ──▶ SourceSeries ──▶ Volume ──operations──▶ Volume' + Derivation
    build ──▶ DerivedSeries: attributes pulled by entity, pixels pulled in slabs
    write ──▶ Part 10 files, checked, all or none, and a Report

>>> import derive
>>> from derive.operations import gaussian_blur
>>> series = derive.build(derive.demo_series(), gaussian_blur(sigma_mm=1.5))
>>> series.volume.shape
(40, 128, 128)
"""

import logging
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from derive.version import VERSION as __version__  # noqa: N811 - the name that Python asks for

if TYPE_CHECKING:
    from derive.builder import DerivedSeries, build
    from derive.checking import CheckReport, Finding, check
    from derive.conversion.compress import compress
    from derive.conversion.convert import convert
    from derive.conversion.decompress import Decompression, DecompressionReport, decompress
    from derive.conversion.export import Exported, export
    from derive.conversion.given import Patient, Study
    from derive.correction.correct import Correction, correct
    from derive.correction.report import CorrectionReport
    from derive.deidentification.check.folders import deid_check
    from derive.deidentification.check.violation import DeidCheckReport, Violation
    from derive.deidentification.deidentify import deidentify
    from derive.deidentification.line.report import DeidentificationReport
    from derive.deidentification.line.tokens import deid_tokens
    from derive.demo import demo_series
    from derive.display import show
    from derive.display.capturing import capture
    from derive.errors import (
        AssembleError,
        DeriveError,
        GeometryError,
        InvalidInstance,
        NetworkError,
        OutputError,
        PartlyStored,
        SourceError,
        UsageError,
        ValuesError,
    )
    from derive.formats import RawLayout
    from derive.formats.volume import read_volume
    from derive.inspection import Inspection, inspect
    from derive.limits import set_unpack_gib
    from derive.many.batch import batch
    from derive.many.outcome import Outcome
    from derive.many.plan import Plan
    from derive.model.algorithm import Algorithm
    from derive.model.geometry import Geometry
    from derive.model.segments import Segment
    from derive.model.source import SourceSeries
    from derive.model.stacking import stack
    from derive.model.volume import Quantity, Volume
    from derive.pacs.fetch import fetch
    from derive.pacs.find import Catalogue, find
    from derive.pacs.send import SendReport, send
    from derive.parallel import set_jobs
    from derive.reading.read import read
    from derive.reading.segmentations import read_segmentation
    from derive.reading.transforms import read_transform
    from derive.records.diff import diff
    from derive.records.explain import explain
    from derive.records.verification import Verification
    from derive.records.verify import verify
    from derive.writing.report import Report

logging.getLogger(__name__).addHandler(logging.NullHandler())  # what is logged is the application's to show

#: Where each public name stands. It is imported when it is asked for, and so is a room (``derive.operations``).
_HOMES = {
    "derive.builder": "DerivedSeries build",
    "derive.checking": "CheckReport Finding check",
    "derive.conversion.compress": "compress",
    "derive.conversion.convert": "convert",
    "derive.conversion.decompress": "Decompression DecompressionReport decompress",
    "derive.conversion.export": "Exported export",
    "derive.correction.correct": "Correction correct",
    "derive.correction.report": "CorrectionReport",
    "derive.conversion.given": "Patient Study",
    "derive.deidentification.check.folders": "deid_check",
    "derive.deidentification.check.violation": "DeidCheckReport Violation",
    "derive.deidentification.deidentify": "deidentify",
    "derive.deidentification.line.report": "DeidentificationReport",
    "derive.deidentification.line.tokens": "deid_tokens",
    "derive.demo": "demo_series",
    "derive.display": "show",
    "derive.display.capturing": "capture",
    "derive.errors": "AssembleError DeriveError GeometryError InvalidInstance NetworkError OutputError PartlyStored "
    "SourceError UsageError ValuesError",
    "derive.formats": "RawLayout",
    "derive.formats.volume": "read_volume",
    "derive.inspection": "Inspection inspect",
    "derive.limits": "set_unpack_gib",
    "derive.many.batch": "batch",
    "derive.many.outcome": "Outcome",
    "derive.many.plan": "Plan",
    "derive.model.algorithm": "Algorithm",
    "derive.model.segments": "Segment",
    "derive.model.geometry": "Geometry",
    "derive.model.source": "SourceSeries",
    "derive.model.volume": "Quantity Volume",
    "derive.pacs.fetch": "fetch",
    "derive.pacs.find": "Catalogue find",
    "derive.pacs.send": "SendReport send",
    "derive.parallel": "set_jobs",
    "derive.reading.read": "read",
    "derive.reading.segmentations": "read_segmentation",
    "derive.reading.transforms": "read_transform",
    "derive.model.stacking": "stack",
    "derive.records.diff": "diff",
    "derive.records.explain": "explain",
    "derive.records.verification": "Verification",
    "derive.records.verify": "verify",
    "derive.writing.report": "Report",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}

if not TYPE_CHECKING:  # who checks types sees the imports above, and no name that is not there

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            found = getattr(import_module(_HOME[name]), name)
        elif not name.startswith("_") and find_spec(f"{__name__}.{name}"):
            found = import_module(f"{__name__}.{name}")
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "Algorithm",
    "AssembleError",
    "Catalogue",
    "CheckReport",
    "Correction",
    "CorrectionReport",
    "Decompression",
    "DecompressionReport",
    "DeidCheckReport",
    "DeidentificationReport",
    "DeriveError",
    "DerivedSeries",
    "Exported",
    "Finding",
    "Geometry",
    "GeometryError",
    "Inspection",
    "InvalidInstance",
    "NetworkError",
    "Outcome",
    "OutputError",
    "PartlyStored",
    "Patient",
    "Plan",
    "Quantity",
    "RawLayout",
    "Report",
    "Segment",
    "SendReport",
    "SourceError",
    "SourceSeries",
    "Study",
    "UsageError",
    "ValuesError",
    "Verification",
    "Violation",
    "Volume",
    "__version__",
    "batch",
    "build",
    "capture",
    "check",
    "compress",
    "convert",
    "correct",
    "decompress",
    "deid_check",
    "deid_tokens",
    "deidentify",
    "demo_series",
    "diff",
    "explain",
    "export",
    "fetch",
    "find",
    "inspect",
    "read",
    "read_segmentation",
    "read_transform",
    "read_volume",
    "send",
    "set_jobs",
    "set_unpack_gib",
    "show",
    "stack",
    "verify",
]
