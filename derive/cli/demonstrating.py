"""``derive demo``: a phantom, and three series that are derived from it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import derive
from derive.cli.shared import common_flags, print_json


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags."""
    parser.add_argument("output", metavar="FOLDER", help="folder to write; new or empty")
    parser.add_argument("--overwrite", action="store_true", help="replace the folders of an earlier demonstration")
    common_flags(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write a phantom and derive three series from it."""
    from derive.demo import phantom_datasets
    from derive.operations import gaussian_blur, mip, resample
    from derive.writing.atomic import target_folder, unwritable
    from derive.writing.part10 import file_name

    folder = Path(arguments.output)
    steps = {
        "blurred": gaussian_blur(sigma_mm=1.5),
        "resampled": resample(spacing_mm=1.0),
        mip.name: mip(slab_mm=10.0, step_mm=5.0, plane="coronal"),
    }
    phantom = folder / "phantom"
    with target_folder(phantom, 0, (), overwrite=arguments.overwrite) as temporary:
        for number, dataset in enumerate(phantom_datasets(), 1):
            try:
                dataset.save_as(temporary / file_name(number), enforce_file_format=True)
            except OSError as error:
                raise unwritable(phantom.name, error) from error
    source = derive.read(phantom)
    reports = []
    for name, operation in steps.items():
        series = derive.build(source, operation)
        reports.append(series.write(folder / name, overwrite=arguments.overwrite))
    if arguments.json:
        print_json({"schema": "derive-demo/1", "reports": [r.to_json() for r in reports]})
    elif not arguments.quiet:
        sys.stdout.write("".join(f"{r}\n" for r in reports))
    return 0
