"""QIDO-RS and WADO-RS with services that go wrong: pages, filters, and series that are cut."""

from __future__ import annotations

import json
import re

import pytest

from derive.errors import NetworkError
from derive.pacs.web import query as web_query
from derive.pacs.web.retrieve import retrieve
from tests.helpers.asserting import raises_code
from tests.helpers.web_services import (
    MULTIPART,
    Say,
    address,
    always,
    in_turn,
    related,
    service,
)


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
        assert web_query.search_instances(address(fake), "1.2", "1.3", page=3).items == tuple(names)


def test_a_service_that_gives_the_same_page_for_ever_is_not_believed():
    say, fake_of = paged([f"1.{k}" for k in range(7)], offset_known=False)
    with service(say) as fake:
        fake_of.append(fake)
        found = web_query.search_instances(address(fake), "1.2", "1.3", page=3)
        assert (len(found), "same 3 answers again and again" in found.cut) == (3, True)
        found = web_query.search_instances(address(fake), "1.2", "1.3", page=8)
        assert (len(found), found.whole) == (7, False)


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


def fetched(fake):
    found = []
    assert retrieve(address(fake), "1.2", "1.3", found.append) == len(found)
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

    with service(stalled) as fake, raises_code("NET-UNREACHABLE", NetworkError):
        retrieve(address(fake), "1.2", "1.3", lambda data: None)


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
        retrieve(address(fake), "1.2", "1.3", found.append)
    assert raised.value.code == "NET-ANSWER"
    assert found == []


def test_a_single_instance_without_multipart_is_taken(sendables):
    with service(always(Say(200, sendables[0].data, {"Content-Type": "application/dicom"}))) as fake:
        assert fetched(fake) == [sendables[0].data]


@pytest.mark.parametrize(("until_close", "code"), [(False, "NET-UNREACHABLE"), (True, "NET-ANSWER")])
def test_a_single_instance_that_is_cut_is_not(sendables, slept, until_close, code):
    dicom = {"Content-Type": "application/dicom"}
    found = []
    cut = always(Say(200, sendables[0].data, dicom, cut_after=-50, until_close=until_close))
    with service(cut) as fake, raises_code(code, NetworkError):
        retrieve(address(fake), "1.2", "1.3", found.append)
    assert found == []


def test_an_error_of_the_one_who_takes_is_his_own(sendables):
    def take(_):
        raise NetworkError("NET-OTHER", "mine")

    with service(always(Say(200, related(sendables), MULTIPART))) as fake, pytest.raises(NetworkError) as raised:
        retrieve(address(fake), "1.2", "1.3", take)
    assert raised.value.code == "NET-OTHER"
    assert len(fake.requests) == 1
