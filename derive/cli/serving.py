"""``derive serve``: a node that derives what it receives."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from threading import Event
from typing import Any

from derive.cli.pages import group_of, say
from derive.cli.shared import common_flags, print_json
from derive.cli.watching import unhurried
from derive.errors import UsageError
from derive.pacs.address import Tls, parse_entity
from derive.pacs.config import load

STORE = "derive-node"
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


def flags(parser: argparse.ArgumentParser, _: str) -> None:
    """Add the flags of serve."""
    parser.add_argument("plan", nargs="?", metavar="PLAN", help="rules: which series become what (TOML)")
    parser.add_argument("--to", metavar="ARCHIVE", help="where results go: AET@host:port, a URL, a folder, or a name")
    parser.add_argument(
        "--store", default=STORE, metavar="FOLDER", help=f"where it keeps instances and its ledger (default {STORE})"
    )
    parser.add_argument(
        "--status", action="store_true", help="say how the node of that store does; exit code 1 if there is quarantine"
    )
    _door_flags(group_of(parser, "where it listens, and who may send"))
    _work_flags(group_of(parser, "what it does with what comes"))
    common_flags(parser)
    parser.set_defaults(run=run)


def _door_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--port", type=int, default=11112, metavar="N", help="of DIMSE (default 11112; 0 for any that is free)")
    add("--aet", metavar="AET", help="its AE title (default: that of derive.toml, else DERIVE); others are refused")
    add("--host", default="127.0.0.1", metavar="ADDRESS", help="interface to listen on (default 127.0.0.1)")
    add("--allow", action="append", default=[], metavar="AET", help="who may call (default: everybody); repeatable")
    add("--associations", type=int, default=20, metavar="N", help="so many at once (default 20)")
    add("--tls-certificate", metavar="FILE", help="take secured connections alone, with this certificate (PEM)")
    add("--tls-key", metavar="FILE", help="its key, without a password")
    add("--tls-ca", metavar="FILE", help="who calls has to show a certificate of this authority")
    add("--stow-port", type=int, metavar="N", help="take STOW-RS at this port too, at /studies")
    add("--token-env", metavar="NAME", help="the environment variable with the bearer token that STOW-RS has to bring")
    add("--health-port", type=int, metavar="N", help="answer /health, /metrics and /status at this port of loopback")
    add(
        "--report",
        action="append",
        default=[],
        metavar="AET@host:port",
        help="where reports of storage commitment to that AE title go (default: back on its association); repeatable",
    )


def _work_flags(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--quiet-seconds", type=float, default=30.0, metavar="S", help="a series is complete after so long (default 30)"
    )
    add("--count-from", metavar="ARCHIVE", help="who tells how many instances a series has")
    add("--count-wait-seconds", type=float, default=3600.0, metavar="S", help="wait so long for them (default 3600)")
    add("--workers", type=int, default=1, metavar="N", help="series derived at once, each in a process (default 1)")
    add("--timeout", type=float, default=3600.0, metavar="S", help="of deriving one series (default 3600)")
    add(
        "--retry-seconds",
        type=float,
        default=10.0,
        metavar="S",
        help="before a result is sent again (default 10); twice as long each time, at most 10 minutes",
    )
    add("--keep-days", type=float, default=7.0, metavar="N", help="keep files of what is done so long (default 7)")
    add("--store-gib", type=float, metavar="N", help="refuse instances when its files take more (default: a full disk)")
    add("--again", action="store_true", help="at the start take up again what is in quarantine")


def run(arguments: argparse.Namespace) -> int:
    """Run a node until it is interrupted, or say how one does."""
    if arguments.status:
        return _status(arguments)
    from derive.many.node.node import Node

    if not arguments.plan or not arguments.to:
        raise UsageError("OPT-MISSING", "a plan and --to are wanted: derive serve plan.toml --to ARCHIVE")
    node = Node(arguments.plan, _settings(arguments), load())
    with _lines(arguments.quiet), unhurried(), suppress(KeyboardInterrupt), node:
        Event().wait()
    return 0


def _status(arguments: argparse.Namespace) -> int:
    from derive.many.node.status import NodeStatus

    status = NodeStatus.read(Path(arguments.store))
    if arguments.json:
        print_json(status.to_json())
    elif not arguments.quiet:
        say(str(status))
    return 1 if status.quarantined else 0


def _settings(arguments: argparse.Namespace) -> Any:
    from derive.many.node.settings import Doors, NodeSettings

    known = {entity.aet: (entity.host, entity.port) for entity in map(parse_entity, arguments.report)}
    doors = Doors(
        aet=arguments.aet or load().aet,
        host=arguments.host,
        port=arguments.port,
        callers=tuple(arguments.allow),
        associations=arguments.associations,
        tls=_tls(arguments),
        web_port=arguments.stow_port,
        token_env=arguments.token_env,
        health_port=arguments.health_port,
        reports=known,
    )
    said = {f.name: getattr(arguments, f.name) for f in fields(NodeSettings) if f.name not in ("doors", "store")}
    return NodeSettings(store=Path(arguments.store), doors=doors, **said)


def _tls(arguments: argparse.Namespace) -> Tls | None:
    said = (arguments.tls_ca, arguments.tls_certificate, arguments.tls_key)
    if not any(said):
        return None
    ca, certificate, key = (Path(file) if file else None for file in said)
    return Tls(ca, certificate, key)


@contextmanager
def _lines(quiet: bool) -> Iterator[None]:
    """Say what happens to series, with the time: who runs a service reads its log."""
    ours, root = logging.getLogger("derive"), logging.getLogger()
    before = ours.level
    for handler in root.handlers:
        handler.setFormatter(logging.Formatter(_FORMAT))
    if not quiet and root.level > logging.INFO:
        ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        ours.setLevel(before)
        sys.stderr.flush()
