"""A node that is killed in the middle: what it acknowledged is derived, and the archive has it exactly once."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import build_context

from derive.errors import NetworkError
from derive.many.node.status import NodeStatus
from tests.helpers.archive_peers import connected, some_series, store
from tests.helpers.nodes import PATIENCE_S, plan_in, until
from tests.helpers.servers import environment, free_port, orthanc, program

#: 1000 takes minutes on a busy machine; what is tested is the same.
INSTANCES = int(os.environ.get("DERIVE_NODE_INSTANCES", "200"))
ASSOCIATIONS, OF_A_SERIES = 10, 5
FLAGS = ("--associations", str(ASSOCIATIONS), "--workers", "2")
_SENT = re.compile(r"Sending file: (\S+)|Received Store Response \(Success\)")


@dataclass
class Process:
    """``derive serve`` as a process, which can be killed and started again."""

    folder: Path
    to: str
    flags: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    health: int = field(default_factory=free_port)
    aet: str = "DERIVE"

    def start(self) -> Process:
        plan = plan_in(self.folder)
        line = [sys.executable, "-m", "derive", "serve", str(plan), "--to", self.to, "--store", str(self.store)]
        line += ["--port", str(self.port), "--health-port", str(self.health), "--quiet-seconds", "1"]
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen([*line, *self.flags], stderr=log, stdout=log)
        until(self.is_well, lambda: (self.folder / "log.txt").read_text()[-2000:])
        return self

    @property
    def store(self) -> Path:
        return self.folder / "node"

    def is_well(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log.txt").read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(self.ask("health"), timeout=10) as answer:
            return answer.status == 200
        return False

    def ask(self, what: str) -> str:
        return f"http://127.0.0.1:{self.health}/{what}"

    def status(self) -> NodeStatus:
        return NodeStatus.read(self.store)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def served(folder: Path, to: str, *flags: str):
    process = Process(folder, to, flags)
    try:
        yield process.start()
    finally:
        process.process.kill()
        process.process.wait()


class Sender(threading.Thread):
    """Sends what it was given until each instance is acknowledged, once, and never again after that."""

    def __init__(self, to: Process, folder: Path, number: int) -> None:
        super().__init__(daemon=True)
        self.to, self.number, self.stopped = to, number, threading.Event()
        self.left: dict[str, object] = {}
        self.acknowledged: set[str] = set()
        for place in range(INSTANCES // ASSOCIATIONS // OF_A_SERIES):
            for dataset in some_series(100 * (number + 1) + place, count=OF_A_SERIES, shape=(6, 7)):
                file = folder / f"{dataset.SOPInstanceUID}.dcm"
                dataset.save_as(file, enforce_file_format=True)
                self.left[str(dataset.SOPInstanceUID)] = dataset if number % 2 else file

    def run(self) -> None:
        while self.left and not self.stopped.is_set():
            for uid in self.by_pynetdicom() if self.number % 2 else self.by_storescu():
                self.acknowledged.add(uid)
                self.left.pop(uid)
            self.stopped.wait(0.2)

    def by_pynetdicom(self) -> list[str]:
        """Send all that is left over one association; what came before it broke counts."""
        done: list[str] = []
        with contextlib.suppress(NetworkError, RuntimeError, ValueError):
            contexts = [build_context(CTImageStorage, ExplicitVRLittleEndian)]
            with connected(self.to, contexts) as association:
                for uid, dataset in list(self.left.items()):
                    if association.send_c_store(dataset).get("Status") != 0x0000:
                        break
                    done.append(uid)
        return done

    def by_storescu(self) -> list[str]:
        line = [program("storescu"), "-v", "-aec", self.to.aet, "127.0.0.1", str(self.to.port)]
        told = subprocess.run([*line, *self.left.values()], capture_output=True, env=environment(), check=False)
        done, current = [], ""
        for match in _SENT.finditer(told.stdout.decode() + told.stderr.decode()):
            if match[1]:
                current = Path(match[1]).stem
            else:
                done.append(current)
        return done


def test_what_was_acknowledged_before_a_kill_is_in_the_archive_exactly_once(tmp_path):
    program("storescu")
    files = tmp_path / "files"
    files.mkdir()
    with orthanc(tmp_path / "orthanc") as archive, served(tmp_path, archive.address, *FLAGS) as process:
        senders = [Sender(process, files, number) for number in range(ASSOCIATIONS)]
        wanted = {uid for sender in senders for uid in sender.left}
        for sender in senders:
            sender.start()
        for part in (0.3, 0.6):
            until(lambda part=part: process.status().instances >= part * INSTANCES, process.status)
            process.kill()
            process.start()
        until(lambda: not any(sender.is_alive() for sender in senders), process.status)
        assert {uid for sender in senders for uid in sender.acknowledged} == wanted
        until(lambda: process.status().series["verified"] >= 1, process.status)
        process.kill()
        process.start()
        until(lambda: process.status().series["verified"] == INSTANCES // OF_A_SERIES, process.status)
        status = process.status()
        assert (status.instances, status.quarantined) == (INSTANCES, 0)
        assert status.results == {"verified": INSTANCES // OF_A_SERIES}
        statistics = archive.ask("/statistics")
        assert (statistics["CountSeries"], statistics["CountInstances"]) == (INSTANCES // OF_A_SERIES, INSTANCES)
        sources = [source_of(archive, series) for series in archive.ask("/series")]
        assert len(set(sources)) == len(sources) == INSTANCES // OF_A_SERIES


def source_of(archive, series: str) -> str:
    instance = archive.ask(f"/series/{series}")["Instances"][0]
    said = archive.ask(f"/instances/{instance}/simplified-tags")
    return said["ReferencedSeriesSequence"][-1]["SeriesInstanceUID"]


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGTERM")
def test_a_node_that_is_asked_to_end_ends_well_and_goes_on_when_it_is_started_again(tmp_path):
    with served(tmp_path, str(tmp_path / "to")) as process:
        assert store(process, some_series(1)) == [0x0000] * 4
        with urllib.request.urlopen(process.ask("status"), timeout=60) as answer:
            assert json.load(answer)["instances"] == 4
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(PATIENCE_S) == 0
        process.start()
        until(lambda: process.status().series["verified"] == 1, process.status)
    assert len(list((tmp_path / "to").glob("*.dcm"))) == 4
