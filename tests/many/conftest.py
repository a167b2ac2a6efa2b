"""A small tree, and runs over it."""

from __future__ import annotations

import pytest

from tests.helpers.trees import tree_of, written_plan


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A tree of twelve series of all kinds, how they end, and a plan; nobody changes them."""
    folder = tmp_path_factory.mktemp("many")
    expected = tree_of(folder / "archive", 12)
    return folder / "archive", expected, written_plan(folder)
