"""``derive.toml``: archives by name, and what an institution says of itself. Of secrets it says only where they are.

::

    aet = "DERIVE"                       # our AE title
    uid_prefix = "1.2.826.0.1.3680043.10"

    [equipment]                          # of every series that is made
    InstitutionName = "General Hospital"
    StationName = "AI1"

    [deidentification]
    key_env = "DERIVE_KEY"               # the environment variable that holds the key, or
    key_file = "/etc/derive/key"         # the file that does

    [targets.PACS]
    address = "PACS@10.0.0.5:104"
    listen = 11113                       # where C-MOVE and storage commitment answer
    parallel = 2

    [targets.cloud]
    address = "https://pacs.example.org/dicom-web"
    token_env = "PACS_TOKEN"             # the environment variable that holds the token
    ca = "hospital-ca.pem"

    [targets.cloud.timeouts]             # seconds
    message = 120
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from derive.errors import UsageError

FILE = "derive.toml"
_KEYS = frozenset({"aet", "uid_prefix", "equipment", "targets", "deidentification"})
_KEY_PLACES = frozenset({"key_env", "key_file"})


@dataclass(frozen=True)
class Settings:
    """What ``derive.toml`` says: of series that are made here, and in its words of archives.

    Parameters
    ----------
    path : Path, optional
        The file; None where there is none.
    uid_prefix : str, optional
        The UID root of the organisation.
    equipment : mapping keyword -> text
        Set in every series that is made, where the caller says nothing else.
    network : mapping
        What it says of archives (``aet``, ``targets``): see :mod:`derive.pacs.config`.
    key_env : str
        The environment variable that holds the key of de-identification; empty where it names none.
    key_file : Path, optional
        The file that holds it; a relative path is from the folder of ``derive.toml``.
    """

    path: Path | None = None
    uid_prefix: str | None = None
    equipment: Mapping[str, str] = field(default_factory=dict)
    network: Mapping[str, Any] = field(default_factory=dict)
    key_env: str = ""
    key_file: Path | None = None


def load_settings(folder: Path | None = None) -> Settings:
    """Read ``derive.toml`` of the working folder, else of the user's configuration folder; nothing where there is none.

    Raises
    ------
    UsageError
        ``CFG-SYNTAX``, ``CFG-KEY``.
    """
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for path in ((folder or Path.cwd()) / FILE, home / "derive" / FILE):
        if path.is_file():
            return _read(path)
    return Settings()


def _read(path: Path) -> Settings:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError("CFG-SYNTAX", f"{path} cannot be read as TOML: {error}") from error
    check_known(found, _KEYS, str(path))
    equipment = found.get("equipment", {})
    if not isinstance(equipment, dict) or not all(isinstance(v, str) for v in equipment.values()):
        raise UsageError("CFG-KEY", f'{path}: [equipment] holds Keyword = "text"')
    network = {key: value for key, value in found.items() if key in ("aet", "targets")}
    key_env, key_file = _key(found.get("deidentification", {}), path)
    return Settings(path, found.get("uid_prefix"), equipment, network, key_env, key_file)


def _key(said: Any, path: Path) -> tuple[str, Path | None]:
    """Where the key of de-identification is: it never stands in this file itself."""
    if not isinstance(said, dict) or not all(isinstance(v, str) for v in said.values()):
        raise UsageError("CFG-KEY", f'{path}: [deidentification] holds key_env = "NAME" or key_file = "FILE"')
    check_known(said, _KEY_PLACES, f"{path}: [deidentification]")
    file = said.get("key_file")
    return said.get("key_env", ""), path.parent / file if file else None


def check_known(said: Mapping[str, Any], names: frozenset[str], where: str) -> None:
    """Refuse keys that mean nothing.

    Raises
    ------
    UsageError
        ``CFG-KEY``.
    """
    unknown = sorted(said.keys() - names)
    if unknown:
        raise UsageError("CFG-KEY", f"{where}: {', '.join(unknown)} is not known; there are {', '.join(sorted(names))}")
