"""The node: started in an order in which nothing is promised that cannot be kept, and ended in the reverse one."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from derive.many.node.completion import Completion
from derive.many.node.delivery import NodeDelivery
from derive.many.node.ledger import NodeLedger
from derive.many.node.listening import Listening, Promised
from derive.many.node.reception import Reception
from derive.many.node.settings import NodeSettings
from derive.many.node.status import NodeStatus, health_of
from derive.many.node.steward import Rooms, Steward
from derive.many.node.store import NodeStore
from derive.many.node.web import HttpServer, health_page, stow_page
from derive.many.plan import Plan
from derive.pacs.archive import archive_at
from derive.pacs.config import Config

#: How long what is being done may go on when the node ends.
GRACE_S = 5.0
_LOOPBACK = "127.0.0.1"
_log = logging.getLogger(__name__)


class Node:
    """A node that derives what it receives, as a context: it runs until the block ends.

    Parameters
    ----------
    plan : Plan or path
    settings : NodeSettings
    config : Config, optional
        Archives by name; without it what :func:`derive.pacs.config.load` finds.

    Raises
    ------
    UsageError
        For a plan that cannot be used, ``PLAN-...``; ``NET-ADDRESS`` for an archive that is none.
    """

    def __init__(self, plan: Plan | str | Path, settings: NodeSettings, config: Config | None = None) -> None:
        self.plan = reproducible(plan if isinstance(plan, Plan) else Plan.read(plan))
        self.settings = settings
        self._to = archive_at(settings.to, config)
        count_from = settings.count_from
        self._count_from = archive_at(count_from, config, new_folder=False) if count_from is not None else None
        self.port, self.web_port, self.health_port = settings.doors.port, 0, 0
        self._servers: list[HttpServer] = []
        self._ended = False

    def __enter__(self) -> Node:
        """Open the store, take up what lies in it, and listen.

        Raises
        ------
        OutputError
            ``OUT-WRITE``, ``MANY-LOCKED``, ``NODE-LEDGER``.
        NetworkError
            ``NET-LISTEN`` for a port that is in use, ``NET-TLS``.
        """
        settings = self.settings
        self._store = NodeStore(settings.store, settings.store_gib)
        try:
            self.ledger = NodeLedger(settings.store)
            self.reception = Reception(self._store, self.ledger)
            rooms = Rooms(settings, self.plan, self._store, self.ledger)
            self._delivery = NodeDelivery(settings, self._store, self.ledger, self._to)
            completion = Completion(settings, self.ledger, self._count_from)
            self._steward = Steward(rooms, completion, self._delivery, self.reception)
            self._listening = Listening(settings.doors, self.reception, Promised(self._store, self.ledger))
            self._resume()
            self._open()
        except BaseException:
            self._close()
            raise
        self._steward.begin()
        _log.info("%s", self.describe())
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Take nothing more, end what is being done, and leave all else to the next start."""
        if self._ended:
            return
        self._ended = True
        self._close()
        self.reception.close()
        self._steward.end(GRACE_S)
        self.ledger.close()
        self._store.close()

    @property
    def aet(self) -> str:
        """Its AE title."""
        return self.settings.doors.aet

    def status(self) -> NodeStatus:
        """Return how it goes."""
        return NodeStatus.of(self.ledger, self.live())

    def live(self) -> dict[str, Any]:
        """Return what only this process knows."""
        return {
            "associations": self._listening.associations,
            "in_work": self._steward.in_work,
            "room": self._store.room_for(0),
            "hanging": self._steward.hanging,
            "answers": dict(self.reception.counts),
            "sending": dict(self._delivery.counts),
            "since": self._since,
        }

    def describe(self) -> str:
        """Return in words what this is, and where."""
        doors = self.settings.doors
        who = ", ".join(doors.callers) or "every AE title"
        more = f", STOW-RS on port {self.web_port}" if self.web_port else ""
        more += f", health on port {self.health_port}" if self.health_port else ""
        secured = " with TLS" if doors.tls is not None else ""
        return (
            f"{doors.aet}@{doors.host}:{self.port}{secured}{more} takes instances of {who}, keeps them in "
            f"{self.settings.store}, and sends what it derives to {self._to.destination.address}"
        )

    def _resume(self) -> None:
        self._since = time.time()
        adopted = self.reception.adopt()
        if adopted:
            _log.warning("%d files in the store were not in the ledger, and are taken", adopted)
        self.ledger.resumed()
        if self.settings.again:
            _log.info("%d are taken up again from quarantine", self.ledger.again())
        self._store.begin(self.ledger.held_bytes())

    def _open(self) -> None:
        doors = self.settings.doors
        self._listening.begin()
        self.port = self._listening.port
        if doors.web_port is not None:
            page = stow_page(self.reception, doors.token_env)
            self._servers.append(HttpServer((doors.host, doors.web_port), page, doors.tls))
            self.web_port = self._servers[-1].port
        if doors.health_port is not None:  # the last: who asks may send from then on
            page = health_page(lambda: health_of(self.live()), lambda: self.status().metrics(), self._told)
            self._servers.append(HttpServer((_LOOPBACK, doors.health_port), page))
            self.health_port = self._servers[-1].port

    def _told(self) -> dict[str, Any]:
        return self.status().to_json()

    def _close(self) -> None:
        """Close all that was opened; the rest of what a start that failed has opened too."""
        for server in self._servers:
            server.end()
        listening = getattr(self, "_listening", None)
        if listening is not None:
            listening.end()
        if not self._ended:
            ledger = getattr(self, "ledger", None)
            if ledger is not None:
                ledger.close()
            self._store.close()


def reproducible(plan: Plan) -> Plan:
    """Return a plan whose results have the same UIDs whenever they are made, where a rule does not say otherwise.

    2026-12-01: a node whose ledger is lost makes anew what the archive has. With the same UIDs that is the same object,
    which is not sent again.
    """
    rules = (replace(rule, options={"uids": "reproducible", **rule.options}) for rule in plan.rules)
    return replace(plan, rules=tuple(rules))
