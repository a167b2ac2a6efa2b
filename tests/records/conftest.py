"""What tests of records start from."""

from __future__ import annotations

import pytest

import derive
from derive.operations import gaussian_blur
from tests.helpers.sources import make_series
from tests.helpers.verification import save


@pytest.fixture
def derived_on_disk(tmp_path):
    """A synthetic series on the disk, and what steps make of it: (written, sources, files in spatial order)."""

    def make(*steps, modality="CT", count=8, options=None, **changes):
        source = save(make_series(modality, count=count, **changes), tmp_path / "source")
        series = derive.build(derive.read(source), *(steps or [gaussian_blur(sigma_mm=1.5)]), **(options or {}))
        return tmp_path / "out", source, list(series.write(tmp_path / "out").files)

    return make
