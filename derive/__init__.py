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
from derive.check import CheckReport, Finding, check
from derive.conversion.given import Patient, Study
from derive.convert import convert
from derive.demo import demo_series
from derive.diff import diff
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
from derive.explain import explain
from derive.export import Exported, export
from derive.formats import RawLayout
from derive.geometry import Geometry
from derive.inspection import Inspection, inspect
from derive.pacs.fetch import fetch
from derive.pacs.send import SendReport, send
from derive.parallel import set_jobs
from derive.read import read
from derive.recompute import Verification, verify
from derive.report import Report
from derive.source import SourceSeries
from derive.stack import stack
from derive.version import VERSION as __version__  # noqa: N811 - the name that Python asks for
from derive.volume import Quantity, Volume

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
