"""NIfTI as it is written: a header of nibabel's, and the values behind it slab by slab, however many volumes there are.

*2026-12-01.* Rows of several volumes run upward, so that the voxels are in what FSL calls radiological order (the
determinant of the affine is negative), as it expects of a file with directions beside it and as dcm2niix writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.formats.content import Content, Found
from derive.version import MODEL, VERSION

#: What an axis of NIfTI-1 can count (its ``dim`` is int16).
LONGEST_NIFTI1_AXIS = 32767
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: Columns of an affine of (slice, row, column) in the order (column, row, slice), and back.
_REVERSED = [2, 1, 0, 3]


def write_nifti(path: Path, content: Content) -> None:
    """Write volumes as ``.nii`` or ``.nii.gz``."""
    from nibabel.openers import ImageOpener

    upward = content.count > 1
    header = _header(content, content.geometry.affine @ _turned(content.geometry.shape[1], upward=upward))
    with ImageOpener(str(path), "wb") as stream:
        header.write_to(stream)
        for _, _, slab in content.slabs():
            stream.write(np.ascontiguousarray(slab[:, ::-1] if upward else slab).tobytes())


def _turned(rows: int, *, upward: bool) -> NDArray[np.float64]:
    """(4, 4): indices in a file to indices in the images, whose rows run downward."""
    turned = np.eye(4)
    if upward:
        turned[1, 1], turned[1, 3] = -1, rows - 1
    return turned


def _header(content: Content, affine: NDArray[np.float64]) -> Any:
    import nibabel

    shape = content.shape[::-1]
    kind = nibabel.Nifti1Image if max(shape) <= LONGEST_NIFTI1_AXIS else nibabel.Nifti2Image
    header: Any = kind.header_class()
    in_ras = _LPS_TO_RAS @ affine[:, _REVERSED]
    header.set_data_dtype(content.dtype)
    header.set_data_shape(shape)
    header.set_sform(in_ras, code=1)
    header.set_qform(in_ras, code=1)
    header.set_dim_info(slice=2)
    header.set_xyzt_units("mm")
    if content.count > 1:
        header["pixdim"][4] = content.time_step_s or 0
        header.set_xyzt_units("mm", "sec" if content.time_step_s else "unknown")
    header.set_slope_inter(1, 0)
    header["descrip"] = f"{MODEL} {VERSION}, {content.quantity.units}".encode("ascii", "replace")[:79]
    return header


def read_nifti(path: Path) -> Found:
    """Return what is in a file that was written here, in the order of the images."""
    import nibabel

    # kept open, so that compressed slices are read on from where the last ones ended
    image: Any = nibabel.load(path, mmap=False, keep_file_open=True)
    data, shape = image.dataobj, image.shape[::-1]
    affine = (_LPS_TO_RAS @ image.affine)[:, _REVERSED]
    if len(shape) == 3:
        return Found(affine, shape, data.dtype, lambda _, a, b: data[..., a:b].transpose())
    affine = affine @ _turned(shape[2], upward=True)
    return Found(affine, shape, data.dtype, lambda v, a, b: data[..., a:b, v].transpose()[:, ::-1])
