"""What commands of de-identification have in common: which profile is meant, and with which options."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from derive.cli.pages import group_of

if TYPE_CHECKING:
    from derive.deidentification.profile.profile import Profile

PROFILE = "profile (PS3.15 Annex E)"


def profile_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add how a profile is named; :func:`profile_options` has what was said."""
    group = group_of(parser, PROFILE)
    group.add_argument(
        "--profile",
        metavar="NAME",
        help="basic (default), minimal, keep-all, ...; with options as basic+device-identity, or in dcm4chee's words",
    )
    group.add_argument(
        "--retain",
        action="append",
        default=[],
        metavar="OPTION[,OPTION]",
        help="device-identity, institution-identity, patient-characteristics, safe-private, uids, full-dates or "
        "modified-dates; repeatable",
    )
    group.add_argument(
        "--clean",
        action="append",
        default=[],
        metavar="OPTION[,OPTION]",
        help="descriptors, graphics, structured-content or pixels: cleaned and kept instead of removed; repeatable",
    )
    group.add_argument("--keep-uids", action="store_true", help="the same as --retain uids")
    group.add_argument(
        "--config",
        metavar="FILE",
        help="a configuration: TOML of a site, Microsoft's or Google's JSON, a recipe of deid, a CTP pixel script",
    )
    group.add_argument("--edition", metavar="EDITION", help="of Table E.1-1: 2026d (default) or 2024b")
    return group


def profile_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what flags say of the profile, as derive.deidentify takes it."""
    uids = ("uids",) if arguments.keep_uids else ()
    said = {"retain": (*_names(arguments.retain), *uids), "clean": _names(arguments.clean)}
    named = {name: getattr(arguments, name, None) for name in ("config", "profile", "edition")}
    return {**said, **{name: value for name, value in named.items() if value}}


def profile_meant(arguments: argparse.Namespace) -> Profile:
    """Return the profile of a configuration, or the one that flags name; flags stand over what a configuration says.

    Raises
    ------
    UsageError
        For anything of it that cannot be.
    """
    from derive.deidentification.profile.wanted import profile_wanted, wanted_of

    return profile_wanted(wanted_of(profile_options(arguments)))


def _names(given: list[str]) -> tuple[str, ...]:
    return tuple(name.strip() for text in given for name in text.split(",") if name.strip())
