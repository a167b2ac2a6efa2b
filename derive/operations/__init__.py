"""The operations: one file each, one decorator each (see :mod:`derive.operations.declaration`)."""

from derive.operations.apply import apply
from derive.operations.declaration import REGISTRY, Operation, OperationKind
from derive.operations.gaussian_blur import gaussian_blur
from derive.operations.mean_projection import mean_projection
from derive.operations.minip import minip
from derive.operations.mip import mip
from derive.operations.resample import resample

__all__ = [
    "REGISTRY",
    "Operation",
    "OperationKind",
    "apply",
    "gaussian_blur",
    "mean_projection",
    "minip",
    "mip",
    "resample",
]
