"""A DICOMweb service that goes wrong while it is sent to: nothing is lost, and nothing is taken for stored."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from derive.errors import NetworkError
from derive.pacs.address import Timeouts, WebAddress
from derive.pacs.sendable import Sendable
from derive.pacs.web import query as web_query
from derive.pacs.web.stow import WebSender
from tests.helpers.asserting import every
from tests.helpers.sources import make_series
from tests.helpers.web_services import (
    JSON,
    REFUSED,
    SECRET,
    STORED,
    UNSENT,
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
    assert every("not known" in r.comment for r in results.values())


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


BUSY = Say(503, read=False)


def all_but_the_last(_, uids):
    """Store all but one, for which there is no room now; and hang up."""
    return Say(202, module(uids[:-1], [(uids[-1], 0xA700)]), {"Content-Type": JSON}, read=False)


@pytest.mark.parametrize(("say", "stored"), [(all_but_the_last, 3), (always(BUSY), 0)], ids=["a part", "nothing"])
def test_a_second_attempt_that_never_connects_leaves_what_was_sent_in_doubt(sendables, monkeypatch, say, stored):
    """The service is gone by then: what it said before holds, and of the rest nobody knows."""
    with ExitStack() as stack:
        fake = stack.enter_context(service(say))
        monkeypatch.setattr("derive.pacs.web.session.time.sleep", lambda seconds: stack.close())
        results = sent(fake, sendables)
    assert categories(results, sendables) == [STORED] * stored + [UNSENT] * (4 - stored)
    assert len(fake.requests) == 1
    unknown = [results[uid(sendables, k)] for k in range(stored, 4)]
    assert {(r.attempts, r.status) for r in unknown} == {(3, None)}
    assert ["cannot be reached" in r.comment and "not known" in r.comment for r in unknown] == [True] * (4 - stored)
