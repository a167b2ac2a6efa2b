"""Series on the disk that are verified, and the ways to change their files."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
import numpy as np
import pydicom

from derive.records.verify import verify


def schema():
    text = files("derive.cli").joinpath("schemas/verify.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


def verified(*arguments, **options):
    """Verify, and see that the outcome is JSON that the schema has."""
    found = verify(*arguments, **options)
    schema().validate(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    return found


def save(datasets, folder):
    folder.mkdir()
    for number, dataset in enumerate(datasets, 1):
        dataset.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def edit(file, change):
    dataset = pydicom.dcmread(file)
    change(dataset)
    dataset.save_as(file)


def pixels_of(dataset):
    return np.frombuffer(dataset.PixelData, "<i2" if dataset.PixelRepresentation else "<u2").copy()
