"""Archives that are started once: Orthanc, dcmqrscp and the small one, with the same series in each."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from derive.pacs.dimse import retrieve
from derive.pacs.service.service import ArchiveService
from tests.helpers import servers
from tests.helpers.archive_peers import (
    RLE,
    SERIES,
    store,
)


@pytest.fixture(scope="package")
def listen():
    return servers.free_port()


@pytest.fixture(scope="package")
def archives(tmp_path_factory, listen):
    """Give what starts an archive of a kind, once; all of them know DERIVE at the port."""
    folder = tmp_path_factory.mktemp("archives")
    with ExitStack() as stack:
        running = {}

        def get(kind):
            if kind not in running:
                running[kind] = stack.enter_context(_start(kind, folder / kind, listen))
                held = [d for series in SERIES.values() for d in series] + (RLE if kind != "dcmqrscp" else [])
                assert store(running[kind], held) == [0] * len(held)
            return running[kind]

        yield get


def _start(kind, folder, port):
    if kind == "own":
        return ArchiveService(folder, port=0, destinations={"DERIVE": ("127.0.0.1", port)})
    return {"orthanc": servers.orthanc, "dcmqrscp": servers.dcmqrscp}[kind](folder, known={"DERIVE": port})


@pytest.fixture(params=["orthanc", "dcmqrscp", "own"])
def archive(request, archives):
    return archives(request.param)


@pytest.fixture(params=["C-GET", "C-MOVE"])
def way(request, monkeypatch, listen):
    """Either service; C-MOVE by taking C-GET from what is proposed."""
    if request.param == "C-MOVE":
        monkeypatch.setattr(retrieve, "_GET", {})
    return {"listen": listen if request.param == "C-MOVE" else None}
