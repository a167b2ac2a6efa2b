"""A data set as it is after a configuration, by the engine, written and read."""

from __future__ import annotations

import io
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset

from derive.deidentification.configs.config import Configuration
from derive.deidentification.configs.read import config_of
from derive.deidentification.engine.engine import Deidentifier
from derive.deidentification.run.run import run_of
from derive.rewriting.file import stored_dataset
from tests.helpers.by_hand import image
from tests.helpers.methods import KEY

#: The documents of the project's founders.
REFERENCE = Path(__file__).parents[3] / "shared/reference"


def configured(text: str, name: str = "site.toml", folder: Path = Path()) -> Configuration:
    return config_of(text, name, folder)


def after(config: Configuration, dataset: Dataset | None = None) -> Dataset:
    """What becomes of a data set; of an image that says of its patient wherever there is room, where none is given."""
    run = run_of(config.profile, config.key or KEY, config.plan)
    found = Deidentifier(config.profile, run).file(stored_dataset(dataset if dataset is not None else image()))
    return dcmread(io.BytesIO(b"".join(_bytes(part) for part in found.parts)))


def _bytes(part: object) -> bytes:
    if isinstance(part, bytes | bytearray | memoryview):
        return bytes(part)
    with part.open() as stream:  # type: ignore[attr-defined]  # a passage of a file
        stream.seek(part.offset)  # type: ignore[attr-defined]
        return bytes(stream.read(part.length))  # type: ignore[attr-defined]
