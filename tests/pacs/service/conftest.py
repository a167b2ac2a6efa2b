"""The small archive: an empty one, and one with every series."""

from __future__ import annotations

import pytest

from derive.pacs.service.service import ArchiveService
from tests.helpers.archive_peers import (
    collection,
    store,
)

SERIES = collection()


EVERYTHING = [d for series in SERIES.values() for d in series]


@pytest.fixture
def service(tmp_path):
    with ArchiveService(tmp_path / "archive", port=0) as running:
        yield running


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """One that has everything, and is only asked."""
    with ArchiveService(tmp_path_factory.mktemp("filled"), port=0) as running:
        assert store(running, EVERYTHING) == [0] * len(EVERYTHING)
        yield running
