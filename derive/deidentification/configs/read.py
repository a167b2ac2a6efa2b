"""A configuration, told by its content."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from derive.deidentification.configs import google, microsoft
from derive.deidentification.configs.config import Configuration
from derive.deidentification.configs.recipe import is_recipe, read_recipe
from derive.deidentification.configs.relaxed import read_relaxed
from derive.deidentification.configs.site import read_site
from derive.deidentification.pixels.plan import PixelPlan
from derive.deidentification.profile.profile import profile_of
from derive.deidentification.templates.ctp import is_ctp
from derive.deidentification.templates.read import read_templates
from derive.deidentification.templates.template import not_looked_at
from derive.errors import UsageError

_DCM4CHEE = ("deidentify:", "dcm4chee:")


def read_config(path: str | Path) -> Configuration:
    """Read a configuration, whoever it is for.

    Parameters
    ----------
    path : path
        TOML of a site, rules of Microsoft's anonymizer, a configuration of Google's Healthcare API, a recipe of
        pydicom's deid, a string of options of dcm4chee, a pixel script of CTP, or templates in TOML.

    Raises
    ------
    UsageError
        ``DEID-CONFIG`` for what is none of them; ``DEID-ADDRESS``, ``DEID-METHOD``, ``DEID-SETTING``,
        ``DEID-OPTION``, ``DEID-PROFILE``, ``DEID-DATES``, ``DEID-TEMPLATE`` and others for what it says.
    """
    found = Path(path)
    try:
        text = found.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError("DEID-CONFIG", f"{found.name}: {error.strerror or type(error).__name__}") from None
    except UnicodeDecodeError:
        raise UsageError("DEID-CONFIG", f"{found.name} is no text in UTF-8") from None
    return config_of(text, found.name, found.parent)


def config_of(text: str, name: str, folder: Path) -> Configuration:
    """Return the configuration that a text is; files that it names are found from a folder.

    Where pictures are to be blanked the option ``pixels`` is in force. See :func:`read_config`.
    """
    try:
        found = _told(text, name, folder)
    except RecursionError:
        raise UsageError("DEID-CONFIG", f"{name} nests too deeply") from None
    pixels = found.pixels
    if pixels.boxes or pixels.templates or pixels.us_regions or pixels.ocr == "blank":
        return replace(found, profile=found.profile.with_options(["pixels"]))
    return found


def _told(text: str, name: str, folder: Path) -> Configuration:
    if text.strip().startswith(_DCM4CHEE):
        return Configuration(profile_of(text.strip()))
    if is_ctp(text):
        return _pixels_alone(text, name)
    if is_recipe(text):
        return read_recipe(text, name)
    if text.lstrip()[:1] in ("{", '"', "'") or text.lstrip().startswith(("//", "/*")):
        return _json(read_relaxed(text, name), name)
    if text.lstrip().startswith("<"):
        raise UsageError(
            "DEID-CONFIG", f"{name} is XML: of CTP the scripts for pixels are read, and none of its DicomAnonymizer"
        )
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            "DEID-CONFIG", f"{name} is no configuration of a kind that is known; as TOML: {error}"
        ) from None
    if "template" in said:
        return _pixels_alone(text, name)
    return read_site(said, name, folder)


def _json(said: dict[str, Any], name: str) -> Configuration:
    for reader, telling in ((microsoft.read_microsoft, microsoft.TELLING), (google.read_google, google.TELLING)):
        if any(key in said for key in telling):
            return reader(said, name)
    raise UsageError(
        "DEID-CONFIG",
        f"{name} says none of {', '.join(microsoft.TELLING)} (Microsoft) or {', '.join(google.TELLING)} (Google)",
    )


def _pixels_alone(text: str, name: str) -> Configuration:
    templates = read_templates(text, name)
    notes = tuple(f"{name}: {keyword} is asked for, and is not looked at" for keyword in not_looked_at(templates))
    return Configuration(pixels=PixelPlan(templates=templates), notes=notes)
