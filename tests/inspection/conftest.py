"""What tests of inspection start from."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture
def decodes_nothing(monkeypatch):
    def refuse(*_):
        raise AssertionError("a pixel was decoded")

    for name in ("derive.reading.read", "derive.reading.select", "derive.pixels.decode"):
        monkeypatch.setattr(sys.modules[name], "decode", refuse)
