"""STOW-RS: each instance has the word of the service on it; what it did not say is stored is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from derive.errors import NetworkError
from derive.pacs.sendable import Sendable
from derive.pacs.web import faults as web_faults
from derive.pacs.web import stow
from derive.pacs.web.stow import WebSender
from tests.helpers.asserting import every
from tests.helpers.sources import make_series
from tests.helpers.web_services import (
    JSON,
    REFUSED,
    SECRET,
    STORED,
    TRANSIENT,
    UNSENT,
    WARNING,
    Say,
    address,
    always,
    categories,
    in_turn,
    module,
    sent,
    service,
    store_all,
    uid,
)

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
    assert every(r.comment and r.status == status for r in results.values())
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
    assert every("So it is" in r.comment and SECRET not in r.comment for r in results.values())


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
