"""OHIF in a headless browser over an archive: what a viewer makes of the series that are in it.

OHIF and playwright-core lie in a folder outside of the checkout, which ``.ci/run`` fills: ``DERIVE_VIEWER``, else
``~/.cache/derive-viewer``. The page and the archive have one origin, so that no browser asks another one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.servers import program

FOLDER = Path(os.environ.get("DERIVE_VIEWER", Path.home() / ".cache" / "derive-viewer"))
#: How long a page may take to show what it has; the machine may have few cores and no graphics.
PAGE_SECONDS = 120
SCRIPT = Path(__file__).with_name("look.js")
#: How OHIF is told of the archive, and to say what it thinks of a series.
CONFIG = {
    "routerBasename": "/",
    "extensions": [],
    "modes": [],
    "customizationService": {},
    "showStudyList": True,
    "maxNumberOfWebWorkers": 2,
    "showWarningMessageForCrossOrigin": False,
    "strictZSpacingForVolumeViewport": True,
    "investigationalUseDialog": {"option": "never"},
    "defaultDataSourceName": "dicomweb",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "dicomweb",
            "configuration": {
                "friendlyName": "archive",
                "name": "archive",
                "qidoRoot": "/dicom-web",
                "wadoRoot": "/dicom-web",
                "qidoSupportsIncludeField": False,
                "supportsReject": False,
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "enableStudyLazyLoad": True,
                "supportsFuzzyMatching": False,
                "supportsWildcard": True,
                "staticWado": False,
                "omitQuotationForMultipartRequest": True,
                "acceptHeader": ["multipart/related; type=application/octet-stream; transfer-syntax=*"],
                "bulkDataURI": {"enabled": True},
            },
        }
    ],
}


def needs_viewer() -> None:
    """Skip where a browser, node, OHIF or what drives the browser is not there."""
    for name in ("chromium", "node"):
        program(name)
    for part in (FOLDER / "ohif" / "index.html", FOLDER / "node_modules" / "playwright-core"):
        if not part.exists():
            pytest.skip(f"{part.relative_to(FOLDER)} is not in {FOLDER}; .ci/run says how it comes there")


class _Page(SimpleHTTPRequestHandler):
    """Files of OHIF, its configuration, and the archive behind them."""

    protocol_version = "HTTP/1.1"

    def __init__(self, *arguments: Any, archive: str) -> None:
        self.archive = archive
        super().__init__(*arguments, directory=str(FOLDER / "ohif"))

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/dicom-web/"):
            self._pass_on()
        elif path == "/app-config.js":
            self._answer(200, "text/javascript", f"window.config = {json.dumps(CONFIG)};".encode())
        else:
            if not Path(self.translate_path(path)).is_file():
                self.path = "/index.html"  # a page that OHIF makes itself
            super().do_GET()

    def _pass_on(self) -> None:
        request = urllib.request.Request(self.archive + self.path)
        if "Accept" in self.headers:
            request.add_header("Accept", self.headers["Accept"])
        request.add_header("Host", self.headers["Host"])  # which the archive names in its answers
        try:
            with urllib.request.urlopen(request, timeout=PAGE_SECONDS) as found:
                self._answer(found.status, found.headers.get("Content-Type", ""), found.read())
        except urllib.error.HTTPError as error:
            self._answer(error.code, error.headers.get("Content-Type", ""), error.read())

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        """Isolate the page, without which a browser shares no memory between its threads."""
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A browser that leaves a page leaves its requests too."""


@contextmanager
def pages_over(archive: str) -> Iterator[str]:
    """Serve OHIF over an archive until the block ends; gives the address.

    Parameters
    ----------
    archive : str
        Its address, ``http://127.0.0.1:8042``, below which ``/dicom-web`` is.
    """
    server = _Quiet(("127.0.0.1", 0), partial(_Page, archive=archive))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def a_look(name: str, study: str, series: str = "", *, volume: bool = False, folder: Path) -> dict[str, Any]:
    """What to look at: a study as it opens, one series as a stack, or one as three planes of a volume."""
    url = f"/viewer?StudyInstanceUIDs={study}"
    if series:
        url += f"&SeriesInstanceUIDs={series}&initialSeriesInstanceUID={series}"
    if volume:
        url += "&hangingProtocolId=mpr"
    picture = str(folder / f"{name}.png")
    return {"name": name, "url": url, "volume": volume, "picture": picture}


def seen(base: str, looks: Sequence[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """Return what OHIF has to say of each: viewports, volumes and series; errors, and requests to other hosts."""
    job = folder / "job.json"
    job.write_text(
        json.dumps(
            {
                "base": base,
                "looks": list(looks),
                "seconds": PAGE_SECONDS,
                "chromium": shutil.which("chromium"),
                "playwright": str(FOLDER / "node_modules" / "playwright-core"),
            }
        )
    )
    limit = 60 + 2 * PAGE_SECONDS * len(looks)
    run = subprocess.run([program("node"), str(SCRIPT), str(job)], capture_output=True, text=True, timeout=limit)
    assert run.returncode == 0, run.stderr[-2000:]
    found: dict[str, Any] = json.loads(run.stdout)
    return found
