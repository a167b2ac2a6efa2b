"""Real archives on loopback: Orthanc with DICOMweb, and dcmtk's dcmqrscp and storescp; each with a temporary store."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import DATA

DICOMWEB_PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
#: Debian's servers listen on all interfaces; this makes them listen on loopback, where it can be built.
SHIM_SOURCE = DATA.parent / "pacs" / "bindlo.c"
READY_SECONDS = 20.0


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Parameters
    ----------
    aet : str
    port : int
        For DIMSE.
    folder : Path
        Its store and its log.
    url : str
        Of its DICOMweb service; empty without one.
    rest : str
        Of Orthanc's own interface.
    """

    aet: str
    port: int
    folder: Path
    url: str = ""
    rest: str = ""

    @property
    def address(self) -> str:
        """As the command line takes it."""
        return f"{self.aet}@127.0.0.1:{self.port}"

    def ask(self, path: str):
        """Return what Orthanc's own interface says."""
        with urllib.request.urlopen(self.rest + path) as answer:
            return json.load(answer)


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@cache
def path_of_programs() -> str:
    """PATH without the environment of this Python: pynetdicom puts programs there that have the names of dcmtk's."""
    own = Path(sys.executable).parent
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(f for f in folders if Path(f) != own)


def program(name: str) -> str:
    """Return the path of a program that is installed beside this Python, not in it; skip without."""
    found = shutil.which(name, path=path_of_programs())
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def needs(*names: str) -> None:
    """Skip where a program is not installed."""
    for name in names:
        program(name)


@cache
def environment() -> dict[str, str]:
    """Environment of a server: small packets at once, and loopback only where a compiler is there."""
    found = dict(os.environ, TCP_NODELAY="1", PATH=path_of_programs())
    compiler = shutil.which("cc")
    if compiler and SHIM_SOURCE.exists():
        shim = Path(os.environ.get("TMPDIR", "/tmp")) / f"derive-bindlo-{os.getuid()}-{sysconfig.get_platform()}.so"
        if not shim.exists():
            part = shim.with_suffix(f".{os.getpid()}")
            subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", part, SHIM_SOURCE, "-ldl"], check=True)
            part.rename(shim)
        found["LD_PRELOAD"] = str(shim)
    return found


@contextmanager
def running(command: list[str], folder: Path, *ports: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it is ready when it listens."""
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=log, stderr=subprocess.STDOUT)
        try:
            for port in ports:
                wait_for(port, process, folder)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, (folder / "log.txt").read_text(errors="replace")
        time.sleep(0.02)
    raise AssertionError(f"nobody listens on {port}")


@contextmanager
def orthanc(folder: Path, *, known: dict[str, int] | None = None, **settings: object) -> Iterator[Server]:
    """Run Orthanc with its DICOMweb plug-in.

    Parameters
    ----------
    folder : Path
    known : mapping AE title -> port, optional
        Application entities on loopback that it can move to.
    **settings
        Of its configuration, which replace these.
    """
    needs("Orthanc")
    if not DICOMWEB_PLUGIN.exists():
        pytest.skip("orthanc-dicomweb is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    dicom, http = free_port(), free_port()
    configuration = {
        "Name": "TEST",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": [str(DICOMWEB_PLUGIN)],
        "HttpPort": http,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": "ORTHANC",
        "DicomPort": dicom,
        "DicomCheckCalledAet": False,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomAlwaysAllowStore": True,
        "DicomModalities": {aet: [aet, "127.0.0.1", port] for aet, port in (known or {}).items()},
        "UnknownSopClassAccepted": True,
        "OverwriteInstances": False,
        "StableAge": 1,
        "SaveJobs": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **settings,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with running(["Orthanc", "orthanc.json"], folder, dicom, http):
        rest = f"http://127.0.0.1:{http}"
        yield Server("ORTHANC", dicom, folder, f"{rest}/dicom-web", rest)


@contextmanager
def dcmqrscp(folder: Path, *, known: dict[str, int] | None = None) -> Iterator[Server]:
    """Run dcmtk's archive."""
    needs("dcmqrscp")
    (folder / "db").mkdir(parents=True, exist_ok=True)
    port = free_port()
    hosts = "\n".join(f"{aet.lower()} = ({aet}, 127.0.0.1, {other})" for aet, other in (known or {}).items())
    (folder / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 131072\nMaxAssociations = 16\n"
        f"HostTable BEGIN\n{hosts}\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nDCMQRSCP {folder / 'db'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    with running(["dcmqrscp", "-c", "dcmqrscp.cfg"], folder, port):
        yield Server("DCMQRSCP", port, folder)


@contextmanager
def storescp(folder: Path, *flags: str) -> Iterator[Server]:
    """Run dcmtk's receiver; what it takes is in the folder ``in``."""
    needs("storescp")
    (folder / "in").mkdir(parents=True, exist_ok=True)
    port = free_port()
    with running(["storescp", "-aet", "STORESCP", "-od", "in", *flags, str(port)], folder, port):
        yield Server("STORESCP", port, folder)
