"""Instances to be sent, and pauses that are noted and not waited for."""

from __future__ import annotations

import pytest

from derive.pacs.sendable import Sendable
from tests.helpers.sources import make_series


@pytest.fixture(scope="module")
def sendables():
    return [Sendable.of_dataset(d) for d in make_series(count=4)]


@pytest.fixture
def slept(monkeypatch):
    """Pauses that would have been made."""
    found = []
    monkeypatch.setattr("derive.pacs.web.session.time.sleep", found.append)
    return found
