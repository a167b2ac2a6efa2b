"""Files of other formats: written, cut short, and refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from derive.errors import DeriveError

VALUES = np.arange(5 * 6 * 7, dtype=np.int16).reshape(5, 6, 7) - 100
HERE = (3, 1, 4)


def refused(code, call, *arguments):
    with pytest.raises(DeriveError) as caught:
        call(*arguments)
    assert caught.value.code == code
    assert "/" not in caught.value.message.replace("value * alpha / 255", ""), "a message names no folder"
    return caught.value


def cut(path: Path, count: int) -> Path:
    path.write_bytes(path.read_bytes()[:-count])
    return path


def place(samples, index=HERE):
    return samples.affine @ (*index, 1)


SMALL = np.arange(24, dtype="<i2").reshape(4, 3, 2)
