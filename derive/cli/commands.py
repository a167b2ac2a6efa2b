"""What the sub-commands do."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from derive.builder import DerivedSeries, Progress, build
from derive.check import CheckReport, folded
from derive.check import check as check_files
from derive.cli.flags import bound
from derive.demo import phantom_datasets
from derive.errors import OutputError
from derive.operations import gaussian_blur, mip, resample
from derive.parallel import set_jobs
from derive.plan import plan_of
from derive.read import read
from derive.report import Report
from derive.write import file_name


def derive(arguments: argparse.Namespace) -> int:
    """Derive a series and write it."""
    if getattr(arguments, "function", None) and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as python -m does, so that one's own module is found
    _check_manifest(arguments)
    set_jobs(arguments.jobs)
    source = read(_source(arguments.source), series=arguments.series)
    operation = arguments.kind(**bound(arguments.kind, arguments, read))
    series = build(source, operation, **_options(arguments))
    if arguments.dry_run:
        _print_plan(series, arguments)
        return 0
    report = series.write(arguments.output, overwrite=arguments.overwrite, progress=_progress(arguments))
    if arguments.manifest:
        _write_manifest(Path(arguments.manifest), report)
    _print_report(report, arguments)
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Check files; exit code 1 if there are errors."""
    report = check_files(_source(arguments.source))
    if arguments.json:
        _print_json(report.to_json())
    elif not arguments.quiet:
        _print_findings(report)
    return 0 if report.ok() else 1


def demo(arguments: argparse.Namespace) -> int:
    """Write a phantom and derive three series from it."""
    folder = Path(arguments.output)
    steps = {
        "blurred": gaussian_blur(sigma_mm=1.5),
        "resampled": resample(spacing_mm=1.0),
        "mip": mip(slab_mm=10.0, step_mm=5.0, plane="coronal"),
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
        reports.append(series.write(folder / name, overwrite=arguments.overwrite, progress=_progress(arguments)))
    if arguments.json:
        _print_json({"schema": "derive-demo/1", "reports": [r.to_json() for r in reports]})
    elif not arguments.quiet:
        sys.stdout.write("".join(f"{r}\n" for r in reports))
    return 0


def timestamp(text: str) -> datetime:
    """Read a time as ISO 8601 has it."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-11-21T09:30:00") from None


def _source(paths: list[str]) -> str | list[str]:
    return paths[0] if len(paths) == 1 else paths


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "series_description": arguments.series_description,
        "series_number": arguments.series_number,
        "uids": arguments.uids,
        "uid_prefix": arguments.uid_prefix,
        "timestamp": arguments.timestamp,
        "set": dict(arguments.set),
    }


def _check_manifest(arguments: argparse.Namespace) -> None:
    """Refuse a manifest that cannot be written, or that would lie among the DICOM files, before any work."""
    if not arguments.manifest:
        return
    manifest, output = Path(arguments.manifest).resolve(), Path(arguments.output).resolve()
    if output in manifest.parents:
        raise OutputError("OUT-MANIFEST", f"{manifest.name} would lie in the folder of the series; put it beside it")
    if not manifest.parent.is_dir() or manifest.is_dir():
        raise OutputError("OUT-MANIFEST", f"{manifest} cannot be written: no such folder, or it is one")


def _write_manifest(manifest: Path, report: Report) -> None:
    try:
        manifest.write_text(json.dumps(report.to_json(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        text = f"the series is written, and its manifest {manifest.name} cannot be: {error.strerror or error}"
        raise OutputError("OUT-MANIFEST", text) from error


def _progress(arguments: argparse.Namespace) -> Progress | None:
    """Count on standard error, on a terminal only."""
    if arguments.quiet or arguments.json or not sys.stderr.isatty():
        return None

    def show(done: int, count: int) -> None:
        sys.stderr.write(f"\r{done}/{count} images" + ("\n" if done == count else ""))
        sys.stderr.flush()

    return show


def _print_report(report: Report, arguments: argparse.Namespace) -> None:
    if arguments.json:
        _print_json(report.to_json())
    elif not arguments.quiet:
        for reason, count in Counter(s.reason for s in report.source.skipped).items():
            sys.stderr.write(f"skipped {count} files: {reason}\n")
        for finding in folded(report.findings):
            sys.stderr.write(f"{finding}\n")
        sys.stdout.write(f"{report}\n")


def _print_plan(series: DerivedSeries, arguments: argparse.Namespace) -> None:
    plan = plan_of(series)
    if arguments.json:
        _print_json(plan.to_json())
    else:
        sys.stdout.write(f"{plan}\n")


def _print_findings(report: CheckReport) -> None:
    for finding in folded(report.findings):
        sys.stdout.write(f"{finding}\n")
    errors = sum(f.severity == "error" for f in report.findings)
    sys.stdout.write(
        f"{report.files} files in {report.series} series: {errors} errors, {len(report.findings) - errors} warnings\n"
    )


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=1) + "\n")
