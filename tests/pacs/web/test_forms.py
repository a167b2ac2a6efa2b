"""WADO-RS in every form: a service that gives no series in one answer, or only as it likes, is asked another way."""

from __future__ import annotations

import pytest

import derive
from derive.errors import NetworkError
from derive.pacs.web.retrieve import retrieve
from tests.helpers.archive_peers import keys_of, some_series, uids
from tests.helpers.asserting import raises_code
from tests.helpers.cut_archives import cut_web

SERIES = some_series(1, count=4)
#: What a service does not give, by path and Accept.
REFUSALS = {
    "no series": lambda path, accept: "/instances/" not in path,
    "no multipart": lambda path, accept: "multipart" in accept,
    "no transfer syntax": lambda path, accept: "transfer-syntax" in accept,
    "neither": lambda path, accept: "multipart" in accept or "transfer-syntax" in accept,
    "multipart of instances alone": lambda path, accept: "/instances/" not in path or "multipart" not in accept,
    "anything at all": lambda path, accept: accept != "*/*",
}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("derive.pacs.web.session.time.sleep", lambda _: None)


@pytest.mark.parametrize("status", [406, 400, 415, 405, 501])
@pytest.mark.parametrize("refused", list(REFUSALS))
def test_what_is_not_given_in_one_form_comes_in_another(tmp_path, refused, status):
    def refuses(path, accept):
        return status if REFUSALS[refused](path, accept) else None

    with cut_web(SERIES, most=100, refuses=refuses) as (where, said):
        fetched = derive.fetch(where, tmp_path / "out", study_uid=keys_of(SERIES)[0])
    assert (sorted(f.stem for f in fetched.files), fetched.complete) == (uids(SERIES), True)
    # A form that is refused once is not asked for again.
    assert len(said.accepted) <= 2 + 4 + len(SERIES)


def test_a_service_that_gives_nothing_in_any_form_is_an_error(tmp_path):
    with cut_web(SERIES, most=100, refuses=lambda path, accept: 406) as (where, _):
        with raises_code("NET-HTTP", NetworkError) as refused:
            derive.fetch(where, tmp_path / "out", study_uid=keys_of(SERIES)[0])
        assert "in any form" in refused.value.message
    assert not (tmp_path / "out").exists()


def test_what_one_instance_lacks_does_not_keep_the_others(tmp_path):
    def refuses(path, accept):
        return 406 if "/instances/" not in path else 404 if path.endswith(uids(SERIES)[1]) else None

    taken = []
    with cut_web(SERIES, most=100, refuses=refuses) as (where, _):
        with raises_code("NET-HTTP", NetworkError):
            retrieve(where, *keys_of(SERIES), taken.append)
        assert len(taken) == 3
        with raises_code("NET-INCOMPLETE", NetworkError) as lacking:
            derive.fetch(where, tmp_path / "out", study_uid=keys_of(SERIES)[0])
        assert lacking.value.facts["missing"] == uids(SERIES)[1:2]


def test_a_refusal_that_is_no_matter_of_form_is_one(tmp_path):
    with cut_web(SERIES, most=100, refuses=lambda path, accept: 403) as (where, said):
        with raises_code("NET-AUTH", NetworkError):
            derive.fetch(where, tmp_path / "out", study_uid=keys_of(SERIES)[0])
        assert len(said.accepted) == 1
