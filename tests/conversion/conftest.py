"""What tests of conversion start from."""

from __future__ import annotations

from functools import cache

import pytest

from tests.helpers.captures import CASES, convert
from tests.helpers.convert_files import (
    read_reference,
)


@pytest.fixture(scope="module")
def reference():
    return read_reference()


@pytest.fixture
def place(tmp_path):
    """An empty folder; what is written would lie in it."""
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    """Write a case once; give what it was made of, and the report."""

    @cache
    def make(name: str, kind: str, burned: str = "NO", frame_time_ms: float | None = None):
        folder = tmp_path_factory.mktemp("sc")
        source = CASES[name].source(folder)
        return source, convert(source, kind, burned, frame_time_ms=frame_time_ms).write(folder / "out")

    return make
