"""What studies and series of an archive are asked for by, as flags."""

from __future__ import annotations

import argparse
from typing import Any

from derive.cli.pages import group_of
from derive.pacs.filters import FILTERS


def filter_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add what studies and series can be asked for by."""
    told = {
        "date": "Study Date, or a range: 20260131, 2026-01, 20260101-20260131, today",
        "description": "of the study, or with --level series of the series",
        "modality": "of any series of the study, or of the series",
    }
    group = group_of(parser, "what is wanted (* and ? stand for other characters)")
    for name, (_, of_series) in FILTERS.items():
        group.add_argument(f"--{name.replace('_', '-')}", metavar="TEXT", help=told.get(name, of_series))
    return group


def filters_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what flags ask of studies and series, as derive.find takes it."""
    return {name: getattr(arguments, name) for name in FILTERS if getattr(arguments, name)}
