"""What the sub-commands do."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from derive.builder import build
from derive.checking import CheckReport, folded
from derive.checking import check as check_files
from derive.checking.finding import grouped
from derive.cli.flags import bound
from derive.cli.network import deliver, source_folder
from derive.cli.shared import check_manifest, input_of, print_json, progress, series_options
from derive.demo import phantom_datasets
from derive.errors import OutputError
from derive.operations import gaussian_blur, mip, resample
from derive.parallel import set_jobs
from derive.reading.read import read
from derive.writing.part10 import file_name


def derive(arguments: argparse.Namespace) -> int:
    """Derive a series and write it, or send it; the source is a folder, or a series in an archive."""
    if getattr(arguments, "function", None) and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as python -m does, so that one's own module is found
    check_manifest(arguments)
    set_jobs(arguments.jobs)
    with source_folder(arguments.source, arguments) as found:
        source = read(found, series=arguments.series)
        operation = arguments.kind(**bound(arguments.kind, arguments, read))
        return deliver(build(source, operation, **series_options(arguments)), arguments)


def check(arguments: argparse.Namespace) -> int:
    """Check files; exit code 1 if there are errors."""
    report = check_files(input_of(arguments.source))
    if arguments.json:
        print_json(report.to_json() | {"groups": [g.to_json() for g in grouped(report.findings)]})
    elif not arguments.quiet:
        _print_findings(report, each=arguments.all)
    failed = not report.ok() or (arguments.fail_on == "warning" and bool(report.findings))
    return 1 if failed else 0


def demo(arguments: argparse.Namespace) -> int:
    """Write a phantom and derive three series from it."""
    folder = Path(arguments.output)
    steps = {
        "blurred": gaussian_blur(sigma_mm=1.5),
        "resampled": resample(spacing_mm=1.0),
        mip.name: mip(slab_mm=10.0, step_mm=5.0, plane="coronal"),
    }
    phantom = folder / "phantom"
    if phantom.exists() and any(phantom.iterdir()) and not arguments.overwrite:
        raise OutputError("OUT-EXISTS", f"{phantom} is not empty; --overwrite replaces it")
    phantom.mkdir(parents=True, exist_ok=True)
    for number, dataset in enumerate(phantom_datasets(), 1):
        dataset.save_as(phantom / file_name(number), enforce_file_format=True)
    source = read(phantom)
    reports = []
    for name, operation in steps.items():
        series = build(source, operation)
        reports.append(series.write(folder / name, overwrite=arguments.overwrite, progress=progress(arguments)))
    if arguments.json:
        print_json({"schema": "derive-demo/1", "reports": [r.to_json() for r in reports]})
    elif not arguments.quiet:
        sys.stdout.write("".join(f"{r}\n" for r in reports))
    return 0


def _print_findings(report: CheckReport, *, each: bool) -> None:
    lines = folded(report.findings) if each else grouped(report.findings)
    for line in lines:
        sys.stdout.write(f"{line}\n")
    errors = sum(f.severity == "error" for f in report.findings)
    sys.stdout.write(
        f"{report.files} files in {report.series} series: {errors} errors, {len(report.findings) - errors} warnings\n"
    )
