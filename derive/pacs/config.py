"""Archives by name, as ``derive.toml`` has them (see :mod:`derive.settings`)."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from derive.errors import UsageError
from derive.pacs.address import (
    DEFAULT_AET,
    Address,
    Credentials,
    Timeouts,
    Tls,
    parse_address,
)
from derive.settings import check_known, load_settings

_SECRET_NAMES = ("token_env", "user_env", "password_env")
_TLS_FILES = ("ca", "certificate", "key")
_OWN = frozenset(
    {"address", "aet", "listen", "parallel", "timeouts", "tls", "check_hostname", *_SECRET_NAMES, *_TLS_FILES}
)


@dataclass(frozen=True)
class Destination:
    """An archive, and how to speak with it.

    Parameters
    ----------
    address : Address
    listen : int, optional
        Port of ours that it answers to (C-MOVE, storage commitment).
    parallel : int
        Associations side by side.
    """

    address: Address
    listen: int | None = None
    parallel: int = 1


@dataclass(frozen=True)
class Config:
    """What ``derive.toml`` says of archives.

    Parameters
    ----------
    aet : str
        Our AE title.
    targets : mapping of str to Destination
    """

    aet: str = DEFAULT_AET
    targets: Mapping[str, Destination] = field(default_factory=dict)

    def destination(self, text: str, *, new_folder: bool = True) -> Destination:
        """Return the archive of that name, else the one at that address.

        Parameters
        ----------
        text : str
        new_folder : bool
            Whether it may be a folder that is not there yet. Even then none takes the place of a misspelt name.

        Raises
        ------
        UsageError
            ``NET-ADDRESS`` for what is neither.
        """
        if text in self.targets:
            return self.targets[text]
        address = parse_address(text).calling(self.aet)
        plain = not address.remote and not re.search(r"[/\\.]", text) and not Path(text).exists()
        near = self._near(text) if plain else ""
        if near:
            folder = f"; for a folder of that name write ./{text}" if new_folder else ""
            raise UsageError("NET-ADDRESS", f"no archive is called {text!r}; did you mean {near}?{folder}")
        if not new_folder and not address.remote and not Path(text).is_dir():
            names = f" ({', '.join(self.targets)})" if self.targets else ""
            wanted = f"wanted AET@host:port, https://host/dicom-web, a folder, or a name of derive.toml{names}"
            raise UsageError("NET-ADDRESS", f"{text!r} is no archive and no folder; {wanted}")
        return Destination(address)

    def _near(self, text: str) -> str:
        """Return the name of an archive that may have been meant; empty where there is none."""
        by_case = {name.casefold(): name for name in self.targets}
        near = difflib.get_close_matches(text.casefold(), by_case, n=1, cutoff=0.7)
        return by_case[near[0]] if near else ""


def load(folder: Path | None = None) -> Config:
    """Return the archives of ``derive.toml``, where there is one.

    Raises
    ------
    UsageError
        ``CFG-SYNTAX``, ``CFG-KEY``, ``CFG-SECRET``.
    """
    settings = load_settings(folder)
    path = settings.path
    if path is None:
        return Config()
    aet, targets = str(settings.network.get("aet", DEFAULT_AET)), settings.network.get("targets", {})
    if not isinstance(targets, dict) or not all(isinstance(t, dict) for t in targets.values()):
        raise UsageError("CFG-KEY", f"{path}: an archive is a table [targets.NAME]")
    return Config(
        aet, {name: _destination(f"{path}, [targets.{name}]", t, aet, path.parent) for name, t in targets.items()}
    )


def _destination(where: str, said: Mapping[str, Any], aet: str, folder: Path) -> Destination:
    for key in ("token", "password", "user"):
        if key in said:
            raise UsageError("CFG-SECRET", f"{where}: {key} does not belong in a file; name a variable in {key}_env")
    check_known(said, _OWN, where)
    if not isinstance(said.get("address"), str):
        raise UsageError("CFG-KEY", f"{where}: address is missing")
    timeouts, credentials = _timeouts(where, said.get("timeouts", {})), Credentials(*map(said.get, _SECRET_NAMES))
    address = parse_address(said["address"]).calling(str(said.get("aet", aet)))
    address = address.with_access(_tls(said, folder), timeouts, credentials)
    return Destination(address, _number(where, said, "listen"), _number(where, said, "parallel") or 1)


def _number(where: str, said: Mapping[str, Any], key: str) -> int | None:
    value = said.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536):
        raise UsageError("CFG-KEY", f"{where}: {key} is {value!r}; wanted a whole number above 0")
    return value


def _tls(said: Mapping[str, Any], folder: Path) -> Tls | None:
    """Files beside the configuration; ``tls = true`` alone trusts what the system trusts."""
    files = {k: folder / said[k] for k in _TLS_FILES if k in said}
    if not files and not said.get("tls"):
        return None
    return Tls(**files, check_hostname=bool(said.get("check_hostname", True)))


def _timeouts(where: str, said: Mapping[str, Any]) -> Timeouts:
    names = frozenset(f.name for f in fields(Timeouts))
    check_known(said, names, f"{where} timeouts")
    if not all(isinstance(v, int | float) and v > 0 for v in said.values()):
        raise UsageError("CFG-KEY", f"{where}: timeouts are seconds above 0")
    return Timeouts(**{k: float(v) for k, v in said.items()})
