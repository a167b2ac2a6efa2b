"""The operations: volume in, volume out, no DICOM.

Each stands in a file of its own with one decorator (:mod:`derive.operations.declaration`), from which come the
Python call, the sub-command with its flags and help, Derivation Description, the trial of ``inspect`` and what
``verify`` computes again. What several share is in ``kit/``.

May import: model, parallel, errors, codes. To add one, add its file here; nothing lists it. The names below are
for editors and type checkers.
"""

import sys

from derive.operations.blur import gaussian_blur
from derive.operations.compressing import compress
from derive.operations.cropping import crop, pad
from derive.operations.declaration import REGISTRY, Operation, OperationKind
from derive.operations.diffusing import anisotropic_diffusion
from derive.operations.discovery import discover
from derive.operations.own_function import apply
from derive.operations.projections import mean_projection, minip, mip
from derive.operations.rectifying import rectify
from derive.operations.reformatting import reformat
from derive.operations.resampling import resample
from derive.operations.sharpening import sharpen, unsharp_mask
from derive.operations.smoothing import bilateral, median
from derive.operations.thresholds import clip, threshold

globals().update(discover(sys.modules[__name__]))

__all__ = [
    "REGISTRY",
    "Operation",
    "OperationKind",
    "anisotropic_diffusion",
    "apply",
    "bilateral",
    "clip",
    "compress",
    "crop",
    "discover",
    "gaussian_blur",
    "mean_projection",
    "median",
    "minip",
    "mip",
    "pad",
    "rectify",
    "reformat",
    "resample",
    "sharpen",
    "threshold",
    "unsharp_mask",
]
