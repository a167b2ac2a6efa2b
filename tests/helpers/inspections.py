"""What is inspected, and that what is said fits its schema."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema

from derive.inspection.verdicts import UNEXPECTED
from tests.helpers.sources import make_series

SCHEMA = json.loads(files("derive.cli").joinpath("schemas/inspect.json").read_text(encoding="utf-8"))


def saved(datasets, folder, prefix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for k, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{prefix}{k}.dcm", enforce_file_format=True)
    return folder


def other_series(number, **changes):
    """A series beside the usual one."""
    uid = f"1.2.3.{number}"
    return make_series(
        "CT", SeriesInstanceUID=uid, SeriesNumber=number, SOPInstanceUID=lambda k: f"{uid}.{k + 1}", **changes
    )


def only(inspection):
    (stack,) = inspection.stacks
    return stack


def checked(inspection):
    """JSON of an inspection, after it has been validated; no fault of ours may be in it."""
    found = json.loads(json.dumps(inspection.to_json(), allow_nan=False))
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert f'"{UNEXPECTED}"' not in json.dumps(found)
    return found
