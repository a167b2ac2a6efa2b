"""Where tests find real data, and how strict pydicom is while they run."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pydicom.config
import pytest
from hypothesis import HealthCheck, settings

import derive
from tests.helpers.source_files import cropped_copies

DATA = Path(os.environ.get("DERIVE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
#: The sources of the standard's tables, beside the data unless said otherwise.
STANDARD_TABLES = Path(os.environ.get("DERIVE_STANDARD_TABLES", DATA.parent / "standard"))


# Commands that tests run as processes of their own compile the package once, and not each of them anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Machines are noisy: how long an example takes says nothing of it.
settings.register_profile("derive", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("derive")


@pytest.fixture(scope="session")
def real() -> Callable[[str], Path]:
    """Return a function that gives a folder or file of the real data, or skips and names what is missing."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"{name} is not in the test data ({DATA}); set DERIVE_TEST_DATA")
        return path

    return find


@pytest.fixture(scope="session", autouse=True)
def _no_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a derive.toml of whoever runs the tests says is in none of them."""
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    assert not Path("derive.toml").exists(), "tests run where no derive.toml is"


@pytest.fixture(scope="session")
def cropped(real, tmp_path_factory) -> Callable[[str], list[Path]]:
    """Return a function that gives files of the middle of a real series: all it says, in a few seconds less."""

    @cache
    def find(name: str) -> list[Path]:
        paths = [frame.path for frame in derive.read(real(name)).frames]
        return cropped_copies(paths, tmp_path_factory.mktemp("cropped"))

    return find


@pytest.fixture(autouse=True)
def _strict_writing() -> None:
    pydicom.config.settings.writing_validation_mode = pydicom.config.RAISE
