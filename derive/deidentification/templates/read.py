"""Templates of a file, told by its content: TOML of our own, a pixel script of CTP, or a recipe of deid."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from derive.deidentification.templates.ctp import is_ctp, read_ctp
from derive.deidentification.templates.own import read_own
from derive.deidentification.templates.recipe import read_filters
from derive.deidentification.templates.template import Template
from derive.errors import UsageError

_RECIPE = re.compile(r"^\s*(FORMAT\s+dicom|%filter\b)", re.IGNORECASE | re.MULTILINE)


def load_templates(path: Path) -> tuple[Template, ...]:
    """Read the templates of a file.

    Raises
    ------
    UsageError
        ``DEID-TEMPLATE``, ``DEID-TAG``.
    """
    try:
        return read_templates(path.read_text(encoding="utf-8-sig"), path.name)
    except OSError as error:
        raise UsageError("DEID-TEMPLATE", f"{path.name}: {error.strerror or type(error).__name__}") from None
    except RecursionError:
        raise UsageError("DEID-TEMPLATE", f"{path.name} nests too deeply") from None
    except UnicodeDecodeError:
        raise UsageError("DEID-TEMPLATE", f"{path.name} is no text in UTF-8") from None


def read_templates(text: str, name: str) -> tuple[Template, ...]:
    """Read the templates that a text has; ``name`` is for messages and the report.

    Raises
    ------
    UsageError
        ``DEID-TEMPLATE``, ``DEID-TAG``.
    """
    if is_ctp(text):
        return read_ctp(text, name)
    if _RECIPE.search(text):
        return read_filters(text.splitlines(), name)
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            "DEID-TEMPLATE", f"{name} is neither TOML ({error}), nor a pixel script of CTP, nor a recipe of deid"
        ) from None
    tables = said.pop("template", [])
    if said or not isinstance(tables, list) or not tables:
        raise UsageError(
            "DEID-TEMPLATE", f"{name} wants tables [[template]]" + (f", not {next(iter(said))}" if said else "")
        )
    return read_own(tables, name)
