"""Who is let in, over DIMSE and HTTP, with TLS and without; and what a node says before it starts."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from importlib.resources import files
from types import SimpleNamespace

import jsonschema
import pytest

import derive
from derive.cli.main import main
from derive.errors import NetworkError
from derive.many.node.settings import Doors
from derive.pacs.address import DimseAddress, Tls, WebAddress
from derive.pacs.archive import archive_at
from derive.pacs.config import Destination
from tests.helpers.archive_peers import QUICK, connected, some_series, store
from tests.helpers.asserting import raises_code
from tests.helpers.dimse_peers import certificates
from tests.helpers.nodes import node, plan_in, settled, until

BOUNDARY = "PART"


class Ended:
    """In place of the wait for a signal: a node that starts against expectation ends at once."""

    def wait(self):
        raise KeyboardInterrupt


@pytest.fixture
def _starts_for_a_moment(monkeypatch):
    monkeypatch.setattr("derive.cli.serving.Event", Ended)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> SimpleNamespace:
    return certificates(tmp_path_factory.mktemp("tls") / "pem")


def test_who_is_not_named_is_not_let_in(tmp_path):
    with node(tmp_path, str(tmp_path / "to"), doors=Doors(port=0, callers=("SCANNER",))) as running:
        address = DimseAddress(running.aet, "127.0.0.1", running.port, "SCANNER", timeouts=QUICK)
        assert archive_at(address).echo() >= 0
        with raises_code("NET-REJECTED"):
            archive_at(address.calling("STRANGER")).echo()
        with raises_code("NET-REJECTED"):
            archive_at(DimseAddress("OTHER", "127.0.0.1", running.port, "SCANNER", timeouts=QUICK)).echo()


def test_one_association_too_many_is_told_to_come_again(tmp_path):
    from pynetdicom import build_context

    echo = [build_context("1.2.840.10008.1.1")]
    with node(tmp_path, str(tmp_path / "to"), doors=Doors(port=0, associations=1)) as running:
        with connected(running, echo):
            with raises_code("NET-REJECTED") as refused, connected(running, echo):
                pass
            assert refused.value.facts["transient"]
        until(lambda: running.status().live["associations"] == 0)
        with connected(running, echo) as association:
            assert association.is_established


def test_secured_connections_bring_a_certificate(made, tmp_path):
    tls = Tls(ca=made.ca_crt, certificate=made.server_crt, key=made.server_key)
    with node(tmp_path, str(tmp_path / "to"), doors=Doors(port=0, web_port=0, tls=tls)) as running:
        ours = Tls(ca=made.ca_crt, certificate=made.client_crt, key=made.client_key)
        known = DimseAddress(running.aet, "127.0.0.1", running.port, tls=ours, timeouts=QUICK)
        assert derive.send(some_series(1), known).ok
        web = WebAddress(f"https://127.0.0.1:{running.web_port}/dicom-web", tls=ours, timeouts=QUICK)
        assert derive.send(some_series(2), Destination(web)).ok
        stranger = DimseAddress(running.aet, "127.0.0.1", running.port, timeouts=QUICK)
        with pytest.raises(NetworkError) as refused:
            archive_at(stranger).echo()
        assert refused.value.code.startswith("NET-")
        assert len(settled(running, verified=2).series) >= 2


def multipart(*bodies: bytes) -> bytes:
    head = b"Content-Type: application/dicom\r\n\r\n"
    parts = [b"--" + BOUNDARY.encode() + b"\r\n" + head + body + b"\r\n" for body in bodies]
    return b"".join(parts) + b"--" + BOUNDARY.encode() + b"--\r\n"


def posted(port, path, body, **headers):
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, body, {"Content-Type": kind, **headers})
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    return answer.status, said


def test_stow_tells_of_each_instance_what_became_of_it(tmp_path, monkeypatch):
    from derive.pacs.sendable import Sendable

    monkeypatch.setenv("NODE_TOKEN", "secret")
    bearer = {"Authorization": "Bearer secret"}
    one, two = (Sendable.of_dataset(d).read() for d in some_series(1)[:2])
    doors = Doors(port=0, web_port=0, token_env="NODE_TOKEN")
    with node(tmp_path, str(tmp_path / "to"), doors=doors) as running:
        port = running.web_port
        assert posted(port, "/studies", multipart(one))[0] == 401
        assert posted(port, "/studies", multipart(one), Authorization="Bearer ")[0] == 401
        status, said = posted(port, "/dicom-web/studies", multipart(one, two, b"no DICOM"), **bearer)
        answer = json.loads(said)
        assert (status, len(answer["00081199"]["Value"])) == (202, 2)
        assert answer["0008119A"]["Value"] == [{"00081197": {"vr": "US", "Value": [0xC000]}}]
        status, said = posted(port, "/studies/1.2.3", multipart(one), **bearer)
        assert (status, json.loads(said)["00081198"]["Value"][0]["00081197"]["Value"]) == (409, [0xA900])
        assert posted(port, "/series", multipart(one), **bearer)[0] == 404
        assert posted(port, "/studies", b"x", **{**bearer, "Content-Type": "text/plain"})[0] == 415
        assert posted(port, "/studies", multipart(one)[:-10], **bearer)[0] == 400
        chunks = iter([multipart(one)[:100], multipart(one)[100:]])
        assert posted(port, "/studies", chunks, **bearer)[0] == 200
        assert running.status().instances == 2


def test_health_and_metrics_are_there_for_who_asks(tmp_path):
    with node(tmp_path, str(tmp_path / "to"), doors=Doors(port=0, health_port=0)) as running:
        assert store(running, some_series(1)) == [0] * 4
        settled(running, verified=1)
        root = f"http://127.0.0.1:{running.health_port}"
        assert urllib.request.urlopen(f"{root}/health").read() == b"ok\n"
        lines = urllib.request.urlopen(f"{root}/metrics").read().decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        assert values['derive_node_series{state="verified"}'] == "1"
        assert values['derive_node_answers_total{answer="0x0000"}'] == "4"
        with pytest.raises(urllib.error.HTTPError) as missing:
            urllib.request.urlopen(f"{root}/other")
        assert missing.value.code == 404


@pytest.mark.usefixtures("_starts_for_a_moment")
@pytest.mark.parametrize(
    ("plan", "flags", "code"),
    [
        ("[[rule]]\nsteps = ['no_such_step()']", ["--to", "out"], "PLAN-STEP"),
        (None, ["--to", "out"], "PLAN-READ"),
        ("[[rule]]\nsteps = ['abs()']", ["--to", "AET@host"], "NET-ADDRESS"),
        ("[[rule]]\nsteps = ['abs()']", ["--to", "out", "--count-from", "nobody:"], "NET-ADDRESS"),
        ("[[rule]]\nsteps = ['abs()']", ["--to", "out", "--workers", "0"], "NODE-SETTING"),
        ("[[rule]]\nsteps = ['abs()']", ["--to", "out", "--token-env", "NO_SUCH_VARIABLE"], "NODE-SETTING"),
        ("[[rule]]\nsteps = ['abs()']", ["--to", "out", "--tls-certificate", "none.pem"], "NET-TLS"),
        ("[[rule]]\nsteps = ['abs()']", [], "OPT-MISSING"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_received(plan, flags, code, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "plan.toml"
    if plan is not None:
        plan_in(tmp_path, plan.replace("abs()", "gaussian_blur(sigma_mm=1)"))
    assert main(["serve", str(file), *flags, "--port", "0"]) in (2, 7)
    assert code in capsys.readouterr().err


@pytest.mark.usefixtures("_starts_for_a_moment")
def test_a_port_or_a_store_that_another_has_is_said(tmp_path, capsys):
    with node(tmp_path, str(tmp_path / "to")) as running:
        plan, target = str(tmp_path / "plan.toml"), ["--to", str(tmp_path / "to")]
        assert main(["serve", plan, *target, "--port", str(running.port), "--store", str(tmp_path / "other")]) == 7
        assert "NET-LISTEN" in capsys.readouterr().err
        assert main(["serve", plan, *target, "--port", "0", "--store", str(tmp_path / "node")]) == 6
        assert "MANY-LOCKED" in capsys.readouterr().err


def test_status_is_told_by_the_ledger_alone(tmp_path, capsys):
    line = ["serve", "--status", "--store", str(tmp_path / "node")]
    assert main(line) == 3
    assert "NODE-NONE" in capsys.readouterr().err
    with node(tmp_path, str(tmp_path / "to")) as running:
        gapped = [d for k, d in enumerate(some_series(1, count=5)) if k != 2]
        store(running, [*gapped, *some_series(2)])
        settled(running, verified=1, quarantined=1)
    assert main(line) == 1
    assert "quarantine: 1.2.826.0.1.3680043.10.1111.2.1 GEO-GAP" in capsys.readouterr().out
    assert main([*line, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    jsonschema.validate(told, json.loads((files("derive.cli") / "schemas" / "serve.json").read_text()))
    assert (told["schema"], told["series"]["verified"], told["quarantined"]) == ("derive-serve/1", 1, 1)
