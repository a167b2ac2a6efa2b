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

from derive.builder import DerivedSeries, build
from derive.checking import CheckReport, Finding, check
from derive.conversion.convert import convert
from derive.conversion.export import Exported, export
from derive.conversion.given import Patient, Study
from derive.demo import demo_series
from derive.display import show
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
from derive.inspection import Inspection, inspect
from derive.model.geometry import Geometry
from derive.model.source import SourceSeries
from derive.model.volume import Quantity, Volume
from derive.pacs.fetch import fetch
from derive.pacs.send import SendReport, send
from derive.parallel import set_jobs
from derive.reading.read import read
from derive.reading.stack import stack
from derive.records.diff import diff
from derive.records.explain import explain
from derive.records.verify import Verification, verify
from derive.version import VERSION as __version__  # noqa: N811 - the name that Python asks for
from derive.writing.report import Report

logging.getLogger(__name__).addHandler(logging.NullHandler())  # what is logged is the application's to show

__all__ = [
    "AssembleError",
    "CheckReport",
    "DeriveError",
    "DerivedSeries",
    "Exported",
    "Finding",
    "Geometry",
    "GeometryError",
    "Inspection",
    "InvalidInstance",
    "NetworkError",
    "OutputError",
    "PartlyStored",
    "Patient",
    "Quantity",
    "RawLayout",
    "Report",
    "SendReport",
    "SourceError",
    "SourceSeries",
    "Study",
    "UsageError",
    "ValuesError",
    "Verification",
    "Volume",
    "__version__",
    "build",
    "check",
    "convert",
    "demo_series",
    "diff",
    "explain",
    "export",
    "fetch",
    "inspect",
    "read",
    "send",
    "set_jobs",
    "show",
    "stack",
    "verify",
]
