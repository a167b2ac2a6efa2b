"""A DICOMweb service that goes wrong in every way: what it did not say is stored is not, and nothing is lost."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import struct
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from derive.errors import NetworkError, UsageError
from derive.pacs.address import Credentials, Timeouts, Tls, WebAddress
from derive.pacs.outcome import Category
from derive.pacs.sendable import Sendable
from derive.pacs.web import faults as web_faults
from derive.pacs.web import query as web_query
from derive.pacs.web import stow
from derive.pacs.web.session import WebSession
from derive.pacs.web.stow import WebSender
from tests.helpers.servers import needs
from tests.helpers.sources import make_series

STORED, WARNING, REFUSED = Category.STORED, Category.WARNING, Category.REFUSED
TRANSIENT, UNSENT = Category.TRANSIENT, Category.UNSENT
JSON = "application/dicom+json"
SECRET = "Doe^Jane^Secret"


@dataclass
class Say:
    """One answer; without a status the connection is cut."""

    status: int | None = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)
    reason: str | None = None
    #: Bytes of the body that are really sent.
    cut_after: int | None = None
    read: bool = True
    #: Neither Content-Length nor chunks: the end of the connection is the end of the body.
    until_close: bool = False


@dataclass
class Fake:
    """A service; `say` gives the answer to each request."""

    say: object
    url: str = ""
    requests: list = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    @property
    def batches(self):
        return [uids for method, _, uids, _ in self.requests if method == "POST"]


def handler_of(fake):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            self.answer(b"")

        def do_POST(self):
            self.answer(None)

        def answer(self, body):
            uids = []
            number = len(fake.requests)
            fake.requests.append((self.command, self.path, uids, dict(self.headers)))
            length = int(self.headers.get("Content-Length", 0))
            if getattr(fake.say, "slow", 0):
                fake.held.wait(fake.say.slow)
            if body is None:
                # The UIDs are in the heads of the files: enough to know them before everything is read.
                body = self.rfile.read(length) if not getattr(fake.say, "unread", False) else self.rfile.read(64)
                uids += re.findall(rb"\x02\x00\x03\x00UI..([0-9.]+)", body, re.S)
                uids[:] = [u.decode() for u in uids]
            said = fake.say(number, uids)
            if said is None:
                fake.held.wait(20)
                self.close_connection = True
                return
            if said.status is None:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            self.speak(said)

        def speak(self, said):
            self.send_response(said.status, said.reason)
            for name, value in said.headers.items():
                self.send_header(name, value)
            if not said.until_close:
                self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body[: said.cut_after])
            if said.cut_after is not None or said.until_close or not said.read:
                self.close_connection = True

    return Handler


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


@contextmanager
def service(say, context=None):
    fake = Fake(say)
    server = Quiet(("127.0.0.1", 0), handler_of(fake))
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fake.url = f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}/dicom-web"
    try:
        yield fake
    finally:
        fake.held.set()
        server.shutdown()
        thread.join()
        server.server_close()


def module(stored=(), failed=(), others=(), warned=()):
    """Body of an answer: Store Instances Response."""

    def item(uid, tag=None, reason=None):
        found = {"00081150": {"vr": "UI", "Value": ["1.2"]}, "00081155": {"vr": "UI", "Value": [uid]}}
        return found | ({tag: {"vr": "US", "Value": [reason]}} if tag else {})

    dataset = {}
    if stored or warned:
        items = [*map(item, stored), *(item(u, "00081196", r) for u, r in warned)]
        dataset["00081199"] = {"vr": "SQ", "Value": items}
    if failed:
        dataset["00081198"] = {"vr": "SQ", "Value": [item(u, "00081197", r) for u, r in failed]}
    if others:
        dataset["0008119A"] = {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [r]}} for r in others]}
    return json.dumps(dataset).encode()


def store_all(_, uids):
    return Say(200, module(uids), {"Content-Type": JSON})


def in_turn(*says):
    """Give these answers one after the other, then store all."""
    return lambda number, uids: says[number](number, uids) if number < len(says) else store_all(number, uids)


def always(said):
    return lambda number, uids: said


@pytest.fixture(scope="module")
def sendables():
    return [Sendable.of_dataset(d) for d in make_series(count=4)]


@pytest.fixture
def slept(monkeypatch):
    """Pauses that would have been made."""
    found = []
    monkeypatch.setattr("derive.pacs.web.session.time.sleep", found.append)
    return found


def address(fake, **changes):
    return WebAddress(fake.url, **({"timeouts": Timeouts(2, 2, 0.4, 2)} | changes))


def sent(fake, sendables, **options):
    """Send; hold the results against what the service said that it stored."""
    results = list(WebSender(address(fake), **({"backoff_s": 0.01} | options)).send(sendables))
    assert sorted(r.sop_instance_uid for r in results) == sorted(p.sop_instance_uid for p in sendables), "one each"
    return {r.sop_instance_uid: r for r in results}


def categories(results, sendables):
    return [results[p.sop_instance_uid].category for p in sendables]


def uid(sendables, k):
    return sendables[k].sop_instance_uid


# ---- what the answer says of each instance


@pytest.mark.parametrize("status", [200, 202, 409])
def test_each_instance_has_the_word_of_the_service_on_it(sendables, status):
    first, second, third, fourth = (p.sop_instance_uid for p in sendables)
    bodies = {
        "failed": [(first, 0x0110), (second, 0xC122)],
        "warned": [(third, 0xB000)],
        "stored": [fourth],
    }
    if status == 409:
        bodies = {"failed": [(first, 0x0110), (second, 0xC122), (third, 0xA900), (fourth, 0x0122)]}
    with service(always(Say(status, module(**bodies), {"Content-Type": JSON}))) as fake:
        results = sent(fake, sendables)
    stored = [WARNING, STORED] if status != 409 else [REFUSED, REFUSED]
    assert categories(results, sendables) == [REFUSED, REFUSED, *stored]
    assert [results[u].status for u in (first, second)] == [0x0110, 0xC122]
    assert "processing failure" in results[first].comment
    assert len(fake.requests) == 1


def test_a_success_with_a_failure_inside_is_a_failure_even_where_the_instance_is_named_as_stored_too(sendables):
    body = module([p.sop_instance_uid for p in sendables], failed=[(uid(sendables, 1), 0x0110)])
    with service(always(Say(200, body))) as fake:
        results = sent(fake, sendables)
    assert categories(results, sendables) == [STORED, REFUSED, STORED, STORED]


def test_what_a_conflict_names_as_stored_is_not_taken_for_stored_but_sent_again(sendables):
    uids = [p.sop_instance_uid for p in sendables]

    def conflict(_, sent_uids):
        failed = [(u, 0x0110) for u in sent_uids if u == uids[0]]
        return Say(409 if failed else 200, module([u for u in sent_uids if u != uids[0]], failed=failed))

    with service(conflict) as fake:
        results = sent(fake, sendables)
    assert categories(results, sendables) == [REFUSED, STORED, STORED, STORED]
    assert fake.batches == [uids, uids[1:]]
    with service(lambda _, u: Say(409, module(u))) as fake:
        results = sent(fake, sendables)
    assert set(categories(results, sendables)) == {UNSENT}


@pytest.mark.parametrize("status", [200, 409])
def test_an_instance_that_is_not_named_is_not_known_to_be_stored(sendables, status):
    body = module([uid(sendables, 0)] if status == 200 else (), [(uid(sendables, 1), 0x0110)], others=[0xA700])
    with service(always(Say(status, body))) as fake:
        results = sent(fake, sendables)
    assert categories(results, sendables)[2:] == [UNSENT, UNSENT]
    assert "does not name it" in results[uid(sendables, 2)].comment
    assert "1 failed that are not named" in results[uid(sendables, 2)].comment


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (202, b""),
        (204, b""),
        (409, b""),
        (200, b"{"),
        (200, b"\xff\xfe\x00"),
        (200, b"[" * 100_000),
        (200, b"<html><body>Welcome</body></html>"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b"null"),
        (200, b'{"00081199": 3}'),
        (200, b'{"00081199": {"vr": "SQ", "Value": [null, 3, {}]}}'),
        (200, b'{"00081199": {"vr": "SQ", "Value": {"00081155": "1"}}}'),
        (200, b'<?xml version="1.0"?><NativeDicomModel/>'),
    ],
)
def test_a_body_that_says_nothing_stores_nothing(sendables, status, body):
    with service(always(Say(status, body, {"Content-Type": "text/html"}))) as fake:
        results = sent(fake, sendables)
    assert set(categories(results, sendables)) == {UNSENT}
    assert all(r.comment and r.status == status for r in results.values())
    assert len(fake.requests) == 1


def test_an_array_with_one_data_set_is_understood(sendables):
    with service(lambda _, uids: Say(200, b"[" + module(uids) + b"]")) as fake:
        assert set(categories(sent(fake, sendables), sendables)) == {STORED}


def test_instances_that_were_not_sent_are_not_reported(sendables):
    with service(lambda _, uids: Say(200, module([*uids, "1.2.3.4"]))) as fake:
        assert set(sent(fake, sendables)) == {p.sop_instance_uid for p in sendables}


@pytest.mark.parametrize("status", [400, 406, 415, 418, 422])
def test_a_request_that_is_refused_as_a_whole_is_refused_for_each(sendables, status):
    with service(always(Say(status, SECRET.encode(), reason="So it is"))) as fake:
        results = sent(fake, sendables)
    assert set(categories(results, sendables)) == {REFUSED}
    assert {r.status for r in results.values()} == {status}
    assert all("So it is" in r.comment and SECRET not in r.comment for r in results.values())


# ---- what is tried again


def test_what_is_out_of_resources_is_sent_again_and_nothing_else(sendables, slept):
    busy = uid(sendables, 2)

    def say(number, uids):
        failed = [(busy, 0xA700)] if number < 2 else []
        return Say(200, module([u for u in uids if not failed or u != busy], failed))

    with service(say) as fake:
        results = sent(fake, sendables)
    assert set(categories(results, sendables)) == {STORED}
    assert fake.batches == [[p.sop_instance_uid for p in sendables], [busy], [busy]]
    assert [results[p.sop_instance_uid].attempts for p in sendables] == [1, 1, 3, 1]
    assert slept == [0.01, 0.02]


@pytest.mark.parametrize("reason", [0xA700, 0xA7FF, 0x0213])
def test_what_stays_out_of_resources_is_transient(sendables, slept, reason):
    with service(lambda _, uids: Say(202, module(uids[:-1], [(uids[-1], reason)]))) as fake:
        results = sent(fake, sendables, attempts=2)
    assert categories(results, sendables) == [STORED, STORED, STORED, TRANSIENT]
    assert results[uid(sendables, 3)].status == reason
    assert len(fake.requests) == 2


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("after", "pauses"), [("7", [7.0, 7.0]), ("9999", [60.0, 60.0]), ("soon", [0.01, 0.02])])
def test_a_busy_service_gets_the_pause_that_it_asks_for(sendables, slept, status, after, pauses):
    busy = always(Say(status, b"", {"Retry-After": after}))
    with service(in_turn(busy, busy)) as fake:
        results = sent(fake, sendables)
    assert set(categories(results, sendables)) == {STORED}
    assert {r.attempts for r in results.values()} == {3}
    assert slept == pauses


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_service_that_stays_busy_has_stored_nothing(sendables, slept, status):
    with service(always(Say(status))) as fake:
        results = sent(fake, sendables)
    assert set(categories(results, sendables)) == {TRANSIENT}
    assert len(fake.requests) == len(slept) + 1 == 3


def test_a_retry_after_that_is_a_date_counts_from_now():
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    pause = web_faults.pause_s
    assert pause({"Retry-After": "Fri, 02 Jan 2026 03:04:25 GMT"}, 1, 0.5, now) == 20
    assert pause({"Retry-After": "Fri, 02 Jan 2026 03:00:00 GMT"}, 1, 0.5, now) == 0
    assert pause({"Retry-After": "Fri, 02 Jan 2099 03:00:00 GMT"}, 1, 0.5, now) == web_faults.LONGEST_PAUSE_S
    assert pause({"Retry-After": "soon"}, 20, 0.5) == web_faults.LONGEST_PAUSE_S
    assert [pause({}, k, 0.5) for k in (1, 2, 3, 20)] == [0.5, 1, 2, web_faults.LONGEST_PAUSE_S]


def test_a_request_that_is_too_large_is_halved_and_later_ones_are_smaller(sendables):
    def say(_, uids):
        return Say(413) if len(uids) > 1 else store_all(_, uids)

    with service(say) as fake:
        results = sent(fake, sendables)
    assert set(categories(results, sendables)) == {STORED}
    assert [len(b) for b in fake.batches] == [4, 2, 1, 1, 2, 1, 1]
    size = sum(len(p.data) for p in sendables[:2]) / 1e6
    more = [Sendable.of_dataset(d) for d in make_series(count=8)]
    with service(say) as fake:
        assert set(categories(sent(fake, more, batch_mb=size * 1.05), more)) == {STORED}
    assert [len(b) for b in fake.batches] == [2, 1, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("status", [413, 401])
def test_an_answer_that_comes_before_the_request_is_read_is_heard(status):
    large = [Sendable.of_dataset(d) for d in make_series(count=2, shape=(1500, 1500))]

    def say(_, uids):
        return Say(status, read=False)

    say.unread = True
    with service(say) as fake:
        if status == 401:
            with pytest.raises(NetworkError) as raised:
                sent(fake, large)
            assert raised.value.code == "NET-AUTH"
            assert len(fake.requests) == 1
        else:
            assert {r.status for r in sent(fake, large).values()} == {413}
            assert len(fake.requests) == 3


def test_an_instance_that_is_too_large_alone_is_refused(sendables):
    large = uid(sendables, 1)
    with service(lambda n, uids: Say(413) if large in uids else store_all(n, uids)) as fake:
        results = sent(fake, sendables)
    assert categories(results, sendables) == [STORED, REFUSED, STORED, STORED]
    assert results[large].status == 413


# ---- connections that break


CUTS = {
    "without an answer": lambda _, uids: Say(None),
    "in the middle of the answer": lambda _, uids: Say(200, module(uids), cut_after=40),
    "in the middle of an answer without length": lambda _, uids: Say(200, module(uids), cut_after=40, until_close=True),
    "before the answer in time": lambda _, uids: None,
}


@pytest.mark.parametrize("cut", [c for name, c in CUTS.items() if "without length" not in name])
def test_after_a_cut_the_batch_is_sent_again(sendables, cut):
    with service(in_turn(cut)) as fake:
        results = sent(fake, sendables)
    assert set(categories(results, sendables)) == {STORED}
    assert {r.attempts for r in results.values()} == {2}
    assert len(fake.requests) == 2


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_what_is_cut_each_time_is_not_known_to_be_stored(sendables, cut):
    with service(cut) as fake:
        results = sent(fake, sendables, attempts=2)
    assert set(categories(results, sendables)) == {UNSENT}
    assert all("not known" in r.comment for r in results.values())


def test_a_cut_in_the_middle_of_the_request_is_one_more_attempt(sendables):
    """Larger than what sockets hold, so that the cut is met while it is sent."""
    large = [Sendable.of_dataset(d) for d in make_series(count=2, shape=(1500, 1500))]

    def say(number, uids):
        say.unread = False
        return Say(None) if number == 0 else store_all(number, uids)

    say.unread = True
    with service(say) as fake:
        results = sent(fake, large)
    assert set(categories(results, large)) == {STORED}
    assert [len(b) for b in fake.batches] == [0, 2]


def test_an_archive_that_reads_on_slowly_gets_more_time_than_one_that_is_not_there():
    large = [Sendable.of_dataset(d) for d in make_series(count=2, shape=(1500, 1500))]

    def say(number, uids):
        return store_all(number, uids)

    say.slow = 0.6
    with service(say) as fake:
        results = list(WebSender(address(fake, timeouts=Timeouts(0.2, 0.2, 5, 5))).send(large))
    assert [(r.category, r.attempts) for r in results] == [(STORED, 1)] * 2
    assert len(fake.requests) == 1


def test_an_archive_that_dies_between_batches_loses_nothing_of_the_results(sendables):
    more = [Sendable.of_dataset(d) for d in make_series(count=8)]
    size = len(more[0].data) * 2.1 / 1e6
    with service(in_turn(store_all, *[CUTS["without an answer"]] * 20)) as fake:
        results = sent(fake, more, batch_mb=size, attempts=2)
    assert categories(results, more) == [STORED] * 2 + [UNSENT] * 6
    assert [len(b) for b in fake.batches] == [2, 2, 2, 2]  # once, twice, once; then there is no hope
    assert [results[p.sop_instance_uid].attempts for p in more] == [1, 1, 2, 2, 1, 1, 0, 0]
    assert "not sent" in results[uid(more, 7)].comment


def test_an_archive_that_comes_back_is_given_its_chances_again(slept):
    more = [Sendable.of_dataset(d) for d in make_series(count=5)]
    bad = {uid(more, 1), uid(more, 3)}
    with service(lambda n, uids: Say(None) if bad & set(uids) else store_all(n, uids)) as fake:
        results = sent(fake, more, batch_mb=len(more[0].data) * 1.1 / 1e6, attempts=2)
    assert categories(results, more) == [STORED, UNSENT, STORED, UNSENT, STORED]
    assert [results[p.sop_instance_uid].attempts for p in more] == [1, 2, 1, 2, 1]


def test_rights_that_end_between_batches_lose_nothing_of_the_results(sendables):
    size = len(sendables[0].data) * 1.1 / 1e6
    with service(in_turn(store_all, *[always(Say(401))] * 20)) as fake:
        results = sent(fake, sendables, batch_mb=size)
    assert categories(results, sendables) == [STORED, REFUSED, REFUSED, UNSENT]


# ---- nothing can be sent at all


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (Say(401, SECRET.encode()), "NET-AUTH"),
        (Say(403, SECRET.encode()), "NET-AUTH"),
        (Say(404), "NET-HTTP"),
        (Say(405), "NET-HTTP"),
        (Say(301, b"", {"Location": "http://example.org/x"}), "NET-HTTP"),
    ],
)
def test_where_nothing_can_be_sent_at_all_there_is_an_error_with_the_status(sendables, said, code):
    with service(always(said)) as fake:
        with pytest.raises(NetworkError) as raised:
            sent(fake, sendables)
        with pytest.raises(NetworkError) as asked:
            web_query.ping(address(fake))
    for error in (raised.value, asked.value):
        assert error.code == code
        assert error.facts["status"] == said.status
        assert str(said.status) in str(error)
        assert SECRET not in str(error)
    assert len(fake.batches) == 1


def test_a_port_that_nobody_listens_on_is_unreachable(sendables, slept):
    with service(store_all) as fake:
        pass
    with pytest.raises(NetworkError) as raised:
        sent(fake, sendables)
    assert raised.value.code == "NET-UNREACHABLE"
    assert "refused" in str(raised.value)
    assert len(slept) == 2


def test_a_host_that_is_none_is_unreachable(sendables, slept):
    with pytest.raises(NetworkError) as raised:
        list(WebSender(WebAddress("http://no-such-host.invalid/dicom-web")).send(sendables))
    assert raised.value.code == "NET-UNREACHABLE"


def test_what_is_queried_in_vain_is_told_apart(slept):
    for say, code in [
        (lambda *_: None, "NET-TIMEOUT"),
        (always(Say(None)), "NET-UNREACHABLE"),
        (always(Say(500)), "NET-HTTP"),
        (always(Say(200, b"<html>Welcome</html>")), "NET-ANSWER"),
        (always(Say(200, b'{"a": 1}')), "NET-ANSWER"),
        (always(Say(200, b"[3]")), "NET-ANSWER"),
        (always(Say(200, b"[{}]")), "NET-ANSWER"),
        (always(Say(200, b"[{]", {"Content-Encoding": "gzip"})), "NET-UNREACHABLE"),
    ]:
        with service(say) as fake, pytest.raises(NetworkError) as raised:
            web_query.search_instances(address(fake), "1.2", "1.2.3")
        assert raised.value.code == code


def test_of_what_a_service_says_only_a_short_reason_phrase_is_repeated():
    with (
        service(always(Say(400, SECRET.encode(), reason="Bad\tthing " + "x" * 500))) as fake,
        pytest.raises(NetworkError) as raised,
    ):
        web_query.ping(address(fake))
    assert SECRET not in str(raised.value)
    assert len(str(raised.value)) < 300
    assert "\t" not in str(raised.value)


# ---- redirects and credentials


def test_nothing_goes_to_another_host_by_a_redirect(sendables, monkeypatch):
    monkeypatch.setenv("DERIVE_TEST_TOKEN", "t0ken")
    credentials = Credentials("DERIVE_TEST_TOKEN")
    for status in (301, 302, 303, 307, 308):
        with service(store_all) as other:
            elsewhere = always(Say(status, b"", {"Location": f"{other.url}/studies"}))
            with service(elsewhere) as fake:
                with pytest.raises(NetworkError):
                    list(WebSender(address(fake, credentials=credentials)).send(sendables))
                with pytest.raises(NetworkError):
                    web_query.ping(address(fake, credentials=credentials))
            assert other.requests == []
            assert {headers["Authorization"] for *_, headers in fake.requests} == {"Bearer t0ken"}


def test_a_redirect_within_the_service_is_followed_by_a_query_and_not_by_instances(sendables):
    def say(_, uids):
        path = fake.requests[-1][1]
        return Say(200, b"[]") if "moved" in path else Say(307, b"", {"Location": "/moved?limit=1"})

    with service(say) as fake:
        web_query.ping(address(fake))
        assert [path for _, path, *_ in fake.requests] == ["/dicom-web/studies?limit=1", "/moved?limit=1"]
        with pytest.raises(NetworkError):
            sent(fake, sendables)
        assert len(fake.batches) == 1


def test_redirects_in_a_circle_end():
    circle = always(Say(302, b"", {"Location": "/dicom-web/studies"}))
    with service(circle) as fake, pytest.raises(NetworkError) as raised:
        web_query.ping(address(fake))
    assert raised.value.facts["status"] == 302
    assert len(fake.requests) < 10


def test_credentials_come_from_the_variables_that_are_named_and_from_nowhere_else(monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password netrc-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("DERIVE_TEST_TOKEN", "t0ken\n")
    monkeypatch.setenv("DERIVE_TEST_USER", "u")
    monkeypatch.setenv("DERIVE_TEST_PASSWORD", "p")
    with service(always(Say(200, b"[]"))) as fake:
        for credentials in (
            Credentials(),
            Credentials("DERIVE_TEST_TOKEN"),
            Credentials(None, "DERIVE_TEST_USER", "DERIVE_TEST_PASSWORD"),
        ):
            web_query.ping(address(fake, credentials=credentials))
    assert [h.get("Authorization") for *_, h in fake.requests] == [None, "Bearer t0ken", "Basic dTpw"]


@pytest.mark.parametrize(
    ("credentials", "named"),
    [
        (Credentials("DERIVE_TEST_NOT_SET"), "DERIVE_TEST_NOT_SET"),
        (Credentials(None, "DERIVE_TEST_NOT_SET", "DERIVE_TEST_SET"), "DERIVE_TEST_NOT_SET"),
        (Credentials(None, "DERIVE_TEST_SET", "DERIVE_TEST_EMPTY"), "DERIVE_TEST_EMPTY"),
        (Credentials(None, "DERIVE_TEST_SET", None), "password_env"),
        (Credentials("DERIVE_TEST_BROKEN"), "DERIVE_TEST_BROKEN"),
    ],
)
def test_a_secret_that_is_missing_is_named_by_its_variable_and_not_by_its_value(monkeypatch, credentials, named):
    monkeypatch.setenv("DERIVE_TEST_SET", "s3cret")
    monkeypatch.setenv("DERIVE_TEST_EMPTY", "")
    monkeypatch.setenv("DERIVE_TEST_BROKEN", "s3cret\r\nX-Other: 1")
    with pytest.raises(UsageError) as raised:
        WebSession(WebAddress("http://127.0.0.1:9", credentials))
    assert raised.value.code == "NET-SECRET"
    assert named in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_credentials_without_tls_are_warned_of_except_on_this_machine(monkeypatch, caplog):
    monkeypatch.setenv("DERIVE_TEST_TOKEN", "t0ken")
    for host in ("127.0.0.1", "localhost", "[::1]"):
        WebSession(WebAddress(f"http://{host}:8042/dicom-web", Credentials("DERIVE_TEST_TOKEN")))
    assert not caplog.records
    WebSession(WebAddress("http://pacs.example.org/dicom-web", Credentials("DERIVE_TEST_TOKEN")))
    assert "not secured" in caplog.text
    assert "t0ken" not in caplog.text


@pytest.mark.parametrize("url", ["ftp://host/x", "host/x", "http://", "http://u:p@host/x"])
def test_an_address_that_cannot_be_used_is_refused(url):
    with pytest.raises(UsageError) as raised:
        WebSession(WebAddress(url))
    assert raised.value.code in ("NET-ADDRESS", "NET-SECRET")
    assert "u:p" not in str(raised.value)


# ---- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A certificate of this host, one of another host, and one of ours."""
    needs("openssl")
    folder = tmp_path_factory.mktemp("tls")
    for name, host in (("here", "IP:127.0.0.1"), ("there", "DNS:pacs.example.org"), ("ours", "DNS:derive")):
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}"]
        subprocess.run([*command, "-addext", f"subjectAltName={host}"], cwd=folder, check=True, capture_output=True)
    return folder


def context_of(folder, name, client=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    if client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / f"{client}.pem")
    return context


def test_a_certificate_that_is_trusted_lets_instances_through(certificates, sendables, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "there.pem"))  # of no account
    with service(store_all, context_of(certificates, "here")) as fake:
        sender = WebSender(address(fake, tls=Tls(ca=certificates / "here.pem")))
        assert {r.category for r in sender.send(sendables)} == {STORED}


@pytest.mark.parametrize("ca", [None, "there"])
def test_a_certificate_that_is_not_trusted_lets_nothing_through(certificates, sendables, ca, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "here.pem"))  # of no account
    with service(store_all, context_of(certificates, "here")) as fake:
        tls = Tls(ca=certificates / f"{ca}.pem") if ca else None
        with pytest.raises(NetworkError) as raised:
            list(WebSender(address(fake, tls=tls)).send(sendables))
    assert raised.value.code == "NET-TLS"
    assert "certificate" in str(raised.value)
    assert fake.requests == []


def test_what_the_system_trusts_is_trusted_where_no_certificates_are_given(certificates, sendables, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "here.pem"))
    with service(store_all, context_of(certificates, "here")) as fake:
        assert {r.category for r in WebSender(address(fake)).send(sendables)} == {STORED}
        with pytest.raises(NetworkError):  # where some are given, those alone are
            list(WebSender(address(fake, tls=Tls(ca=certificates / "there.pem"))).send(sendables))


def test_a_certificate_of_another_host_does_only_where_the_name_is_not_looked_at(certificates, sendables):
    with service(store_all, context_of(certificates, "there")) as fake:
        ca = certificates / "there.pem"
        with pytest.raises(NetworkError) as raised:
            list(WebSender(address(fake, tls=Tls(ca=ca))).send(sendables))
        assert raised.value.code == "NET-TLS"
        assert fake.requests == []
        results = WebSender(address(fake, tls=Tls(ca=ca, check_hostname=False))).send(sendables)
        assert {r.category for r in results} == {STORED}
        with pytest.raises(NetworkError):  # the name is not looked at; the certificate is
            list(WebSender(address(fake, tls=Tls(check_hostname=False))).send(sendables))


def test_a_service_that_wants_our_certificate_gets_it_or_takes_nothing(certificates, sendables):
    with service(store_all, context_of(certificates, "here", client="ours")) as fake:
        ca = certificates / "here.pem"
        ours = Tls(ca, certificates / "ours.pem", certificates / "ours.key")
        assert {r.category for r in WebSender(address(fake, tls=ours)).send(sendables)} == {STORED}
        fake.requests.clear()
        try:
            results = list(WebSender(address(fake, tls=Tls(ca)), attempts=1).send(sendables))
        except NetworkError as error:
            assert error.code in ("NET-TLS", "NET-UNREACHABLE")  # noqa: PT017 - either way is right
        else:
            assert {r.category for r in results} == {UNSENT}
        assert fake.requests == []


def test_https_where_only_http_is_spoken_is_a_matter_of_tls(sendables):
    with service(store_all) as fake, pytest.raises(NetworkError) as raised:
        list(WebSender(WebAddress(fake.url.replace("http:", "https:"))).send(sendables))
    assert raised.value.code == "NET-TLS"


def test_a_file_of_certificates_that_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError) as raised:
        WebSession(WebAddress("https://127.0.0.1:9", tls=Tls(ca=tmp_path / "none.pem")))
    assert raised.value.code == "NET-TLS"
    assert "none.pem" in str(raised.value)
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(NetworkError) as raised:
        web_query.ping(WebAddress("https://127.0.0.1:9", tls=Tls(ca=tmp_path / "empty.pem")))
    assert raised.value.code in ("NET-TLS", "NET-UNREACHABLE")


# ---- what cannot be read


def test_a_file_that_is_gone_or_changed_keeps_back_itself_only(sendables, tmp_path, monkeypatch):
    paths = [tmp_path / f"{k}.dcm" for k in range(4)]
    for path, sendable in zip(paths, sendables, strict=True):
        path.write_bytes(sendable.data)
    files = [Sendable.of_file(p) for p in paths]
    sizes = {paths[1]: 10, paths[2]: 10_000_000}  # grown and shrunk since it was looked at
    size_of = stow.encoded_size
    monkeypatch.setattr(stow, "encoded_size", lambda p: sizes.get(p.path) or size_of(p))
    paths[0].unlink()
    with service(store_all) as fake:
        results = sent(fake, files)
    assert categories(results, files) == [UNSENT, UNSENT, UNSENT, STORED]
    assert "0.dcm" in results[uid(files, 0)].comment
    assert "changed" in results[uid(files, 1)].comment


def test_two_instances_of_one_uid_do_not_go_in_one_request_as_the_answer_could_not_tell_them_apart(sendables):
    with service(store_all) as fake:
        results = list(WebSender(address(fake)).send([sendables[0], sendables[1], sendables[0]]))
    assert [len(b) for b in fake.batches] == [2, 1]
    assert len(results) == 3


def test_no_instances_are_no_request():
    with service(store_all) as fake:
        assert sent(fake, []) == {}
    assert fake.requests == []


# ---- queries and retrieval


def instances(*names):
    return json.dumps([{"00080018": {"vr": "UI", "Value": [n]}} for n in names]).encode()


def paged(names, most=None, offset_known=True):
    """A service of which a page has `most` answers."""

    def say(_, uids):
        path = fake_of[0].requests[-1][1]
        limit, offset = (int(re.search(rf"{k}=(\d+)", path)[1]) for k in ("limit", "offset"))
        start = offset if offset_known else 0
        return Say(200, instances(*names[start : start + min(limit, most or limit)]))

    fake_of = []
    return say, fake_of


@pytest.mark.parametrize("most", [None, 1, 2])
def test_pages_that_are_smaller_than_asked_for_are_not_the_last_ones(most):
    names = [f"1.{k}" for k in range(7)]
    say, fake_of = paged(names, most)
    with service(say) as fake:
        fake_of.append(fake)
        assert web_query.search_instances(address(fake), "1.2", "1.3", page=3) == names


def test_a_service_that_gives_the_same_page_for_ever_is_not_believed():
    say, fake_of = paged([f"1.{k}" for k in range(7)], offset_known=False)
    with service(say) as fake:
        fake_of.append(fake)
        with pytest.raises(NetworkError) as raised:
            web_query.search_instances(address(fake), "1.2", "1.3", page=3)
        assert raised.value.code == "NET-ANSWER"
        assert len(web_query.search_instances(address(fake), "1.2", "1.3", page=8)) == 7


def test_series_of_another_patient_are_left_out_where_the_service_disregards_the_filter(caplog):
    def item(uid, **values):
        tags = {"patient": "00100020", "study": "0020000D"}
        found = {tags[k]: {"vr": "LO", "Value": [v]} for k, v in values.items()}
        return found | {"0020000E": {"vr": "UI", "Value": [uid]}}

    found = [
        item("1.1", patient="P1", study="1.2"),
        item("1.2", patient="P2", study="1.2"),
        item("1.3", study="1.2"),
        item("1.4", patient="P1"),
        item("1.5", patient="P1", study="1.3"),
    ]
    with service(in_turn(always(Say(200, json.dumps(found).encode())), always(Say(204)))) as fake:
        series = web_query.search_series(address(fake), {"PatientID": "P1", "StudyInstanceUID": "1.2"})
    assert [s.series_instance_uid for s in series] == ["1.1", "1.4"]
    assert {s.study_instance_uid for s in series} == {"1.2"}
    assert "3 series" in caplog.text
    assert "P2" not in caplog.text


def related(sendables, end=b"\r\n--b x--\r\n", head=b""):
    parts = b"".join(b"\r\n--b x\r\nContent-Type: application/dicom\r\n\r\n" + p.data for p in sendables)
    return head + parts[0 if head else 2 :] + end


MULTIPART = {"Content-Type": 'multipart/related; type="application/dicom"; boundary="b x"'}


def fetched(fake):
    found = []
    assert web_query.retrieve(address(fake), "1.2", "1.3", found.append) == len(found)
    return found


@pytest.mark.parametrize("chunk", [1, 2, 7, 1000, 1 << 20])
@pytest.mark.parametrize("head", [b"", b"to be skipped"])
def test_parts_are_found_however_the_body_is_cut_into_chunks(sendables, monkeypatch, chunk, head):
    monkeypatch.setattr("derive.pacs.web.session.CHUNK", chunk)
    with service(always(Say(200, related(sendables, head=head), MULTIPART))) as fake:
        assert fetched(fake) == [p.data for p in sendables]


@pytest.mark.parametrize("until_close", [False, True])
def test_after_a_cut_of_a_series_what_was_missing_comes_and_nothing_twice(sendables, slept, until_close):
    body = related(sendables)
    cut = always(Say(200, body, MULTIPART, cut_after=len(body) * 5 // 8, until_close=until_close))
    with service(in_turn(cut, always(Say(200, body, MULTIPART)))) as fake:
        assert fetched(fake) == [p.data for p in sendables]
    assert len(fake.requests) == 2


@pytest.mark.parametrize("until_close", [False, True])
def test_a_series_that_is_cut_each_time_is_an_error(sendables, slept, until_close):
    body = related(sendables)
    cut = always(Say(200, body, MULTIPART, cut_after=len(body) - 4, until_close=until_close))
    with service(cut) as fake, pytest.raises(NetworkError) as raised:
        fetched(fake)
    assert raised.value.code in ("NET-UNREACHABLE", "NET-ANSWER")


def test_a_body_that_does_not_move_on_is_an_error(sendables, slept):
    def stalled(_, uids):
        return Say(200, related(sendables) + b"x" * 10, MULTIPART | {"Content-Length": "100000000"})

    with service(stalled) as fake, pytest.raises(NetworkError):
        web_query.retrieve(address(fake), "1.2", "1.3", lambda data: None)


@pytest.mark.parametrize(
    "said",
    [
        Say(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}),
        Say(200, b"--b x\r\n\r\nno file\r\n--b x--", MULTIPART),
        Say(200, b"--b x\r\nno end of headers\r\n--b x--", MULTIPART),
        Say(200, b"--b x\r\n\r\n" + b"\0" * 128 + b"DICMgarbage\r\n--b x--", MULTIPART),
        Say(200, b"", MULTIPART),
    ],
)
def test_what_is_no_series_is_not_handed_over(said, slept):
    found = []
    with service(always(said)) as fake, pytest.raises(NetworkError) as raised:
        web_query.retrieve(address(fake), "1.2", "1.3", found.append)
    assert raised.value.code == "NET-ANSWER"
    assert found == []


def test_a_single_instance_without_multipart_is_taken(sendables):
    with service(always(Say(200, sendables[0].data, {"Content-Type": "application/dicom"}))) as fake:
        assert fetched(fake) == [sendables[0].data]


@pytest.mark.parametrize("until_close", [False, True])
def test_a_single_instance_that_is_cut_is_not(sendables, slept, until_close):
    dicom = {"Content-Type": "application/dicom"}
    found = []
    cut = always(Say(200, sendables[0].data, dicom, cut_after=-50, until_close=until_close))
    with service(cut) as fake, pytest.raises(NetworkError):
        web_query.retrieve(address(fake), "1.2", "1.3", found.append)
    assert found == []


def test_an_error_of_the_one_who_takes_is_his_own(sendables):
    def take(_):
        raise NetworkError("NET-OTHER", "mine")

    with service(always(Say(200, related(sendables), MULTIPART))) as fake, pytest.raises(NetworkError) as raised:
        web_query.retrieve(address(fake), "1.2", "1.3", take)
    assert raised.value.code == "NET-OTHER"
    assert len(fake.requests) == 1


def test_no_log_holds_secrets_or_what_was_asked_for(sendables, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")
    monkeypatch.setenv("DERIVE_TEST_TOKEN", "t0ken")
    credentials = Credentials("DERIVE_TEST_TOKEN")
    nothing = always(Say(200, b"[]"))
    with service(in_turn(always(Say(503, SECRET.encode())), nothing, nothing)) as fake:
        web_query.search_series(address(fake, credentials=credentials), {"PatientID": SECRET})
        list(WebSender(address(fake, credentials=credentials)).send(sendables))
    assert "POST" in caplog.text
    for word in ("t0ken", SECRET, "Doe", "Secret"):
        assert word not in caplog.text
