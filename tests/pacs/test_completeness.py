"""Listings that are cut: nothing is missing by them alone, and nothing is whole by them alone."""

from __future__ import annotations

import pytest

import derive
from derive.errors import NetworkError, NotKnown
from derive.pacs.archive import archive_at
from derive.pacs.verify import answers_of, held
from tests.helpers.archive_peers import keys_of, some_series, uids
from tests.helpers.asserting import raises_code
from tests.helpers.cut_archives import cut_archive, cut_web

SERIES = some_series(1, count=7)
STRANGER = some_series(2, count=1, SeriesInstanceUID=SERIES[0].SeriesInstanceUID)
#: Ways to cut a listing: what the archive does, and whether it says so.
DIMSE = {
    "cancel": {"ends": 0xFE00},
    "out of resources": {"ends": 0xA700},
    "unable": {"ends": 0xC001},
    "aborted": {"ends": "abort"},
    "silent": {"ends": None},
}
WEB = {
    "offset ignored": {"paging": "ignored"},
    "ends": {"paging": "ends"},
    "warning": {"paging": "ends", "warns": '299 pacs: "There are 5 additional results that can be requested."'},
    "partial content": {"paging": "ends", "status": 206},
    "overlaps": {"paging": "overlaps"},
}
CUTS = [pytest.param("dimse", how, id=f"dimse {name}") for name, how in DIMSE.items()]
CUTS += [pytest.param("web", how, id=f"web {name}") for name, how in WEB.items()]
#: Those that the archive says, or that can be seen; an archive that lists and sends the same part, says that it is all
#: and does not count cannot be found out.
SEEN = [p for p in CUTS if p.values[1] not in ({"ends": None}, {"paging": "ends"})]
#: Those in which all was listed in the end, with repetitions.
REPEATING = "overlaps"
PARTS = [p for p in CUTS if p.values[1].get("paging") != REPEATING]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr("derive.pacs.web.session.time.sleep", lambda _: None)


@pytest.fixture
def cut(tmp_path):
    """Give what runs an archive of seven instances of which two are listed."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def run(kind, how, **settings):
            if kind == "dimse":
                return stack.enter_context(cut_archive(tmp_path / "store", SERIES, **how, **settings))
            return stack.enter_context(cut_web(SERIES, **how, **settings))[0]

        yield run


def sent(instances, where, **options):
    """Ask for instances as ``send --verify`` does, without sending them."""
    from derive.pacs.sendable import Sendable
    from derive.pacs.verify import holdings_of

    return holdings_of(archive_at(where), [Sendable.of_dataset(d) for d in instances], pixels=False, **options)


@pytest.mark.parametrize("counts", [True, False], ids=["counted", "uncounted"])
@pytest.mark.parametrize(("kind", "how"), CUTS)
def test_what_a_cut_listing_lacks_is_asked_for_one_by_one(cut, kind, how, counts):
    found = sent([*SERIES, *STRANGER], cut(kind, how, counts=counts))
    assert (found.missing, dict(found.unknown)) == (tuple(uids(STRANGER)), {})


@pytest.mark.parametrize(("kind", "how"), CUTS)
def test_what_cannot_be_asked_for_one_by_one_is_unknown_and_not_missing(cut, kind, how):
    settings = {"metadata": 500} if kind == "web" else {}
    found = sent(SERIES, cut(kind, how, one_by_one=False, counts=False, **settings))
    assert found.missing == ()
    listed = 2 if how.get("paging") != REPEATING else 7
    assert (found.ok, len(found.unknown)) == (listed == 7, 7 - listed)


def test_a_service_that_matches_no_instance_is_asked_for_its_metadata(cut):
    found = sent([*SERIES, *STRANGER], cut("web", WEB["ends"], one_by_one=False))
    assert (found.missing, dict(found.unknown)) == (tuple(uids(STRANGER)), {})


@pytest.mark.parametrize(("kind", "how"), CUTS)
def test_a_second_run_sends_what_is_not_said_to_be_there(cut, kind, how):
    from derive.pacs.sendable import Sendable

    archive = archive_at(cut(kind, how))
    sendables = [Sendable.of_dataset(d) for d in [*SERIES, *STRANGER]]
    there = held(archive, sendables)
    assert set(uids(SERIES[:2])) <= there <= set(uids(SERIES))
    assert answers_of(archive, sendables).there == set(uids(SERIES))


@pytest.mark.parametrize(("kind", "how"), CUTS)
def test_a_fetch_is_whole_where_as_many_come_as_the_archive_has(cut, tmp_path, kind, how):
    fetched = derive.fetch(cut(kind, how), tmp_path / "out", study_uid=keys_of(SERIES)[0])
    assert (len(fetched.files), fetched.complete, fetched.exit_code) == (7, True, 0)


@pytest.mark.parametrize(("kind", "how"), PARTS)
def test_more_than_was_listed_came_in_order_so_the_listing_alone_was_cut(cut, tmp_path, kind, how):
    where, (study, series) = cut(kind, how, counts=False), keys_of(SERIES)
    fetched = derive.fetch(where, tmp_path / "out", study_uid=study, series_uid=series)
    assert (len(fetched.files), fetched.complete) == (7, True)


@pytest.mark.parametrize(("kind", "how"), SEEN)
def test_what_is_cut_like_its_listing_is_not_called_whole(cut, tmp_path, kind, how):
    where = cut(kind, how, counts=False, sends=2)
    wanted = dict(zip(("study_uid", "series_uid"), keys_of(SERIES), strict=True))
    with raises_code("NET-NOTKNOWN", NotKnown) as refused:
        derive.fetch(where, tmp_path / "out", **wanted)
    assert refused.value.exit_code == 9
    assert "incomplete=True" in refused.value.message
    assert not (tmp_path / "out").exists()
    fetched = derive.fetch(where, tmp_path / "out", incomplete=True, **wanted)
    came = 7 if how.get("paging") == REPEATING else 2  # all is listed in the end, and comes one by one
    assert (len(fetched.files), fetched.complete, fetched.exit_code) == (came, None, 9)
    assert fetched.to_json()["series"][0]["listing_cut"] != ""


@pytest.mark.parametrize(("kind", "how"), PARTS)
def test_fewer_than_the_archive_says_it_has_are_not_whole(cut, tmp_path, kind, how):
    where = cut(kind, how, sends=2)
    with raises_code("NET-INCOMPLETE", NetworkError) as refused:
        derive.fetch(where, tmp_path / "out", study_uid=keys_of(SERIES)[0])
    assert "2 of 7" in refused.value.message
    fetched = derive.fetch(where, tmp_path / "out", incomplete=True, study_uid=keys_of(SERIES)[0])
    assert (len(fetched.files), fetched.complete, fetched.exit_code) == (2, False, 8)


@pytest.mark.parametrize("kind", ["dimse", "web"])
def test_what_did_not_come_with_its_series_comes_by_itself(cut, tmp_path, kind):
    whole = {"most": 100, "ends": None} if kind == "dimse" else {"most": 100}
    fetched = derive.fetch(cut(kind, whole, sends=3), tmp_path / "out", study_uid=keys_of(SERIES)[0])
    assert (len(fetched.files), fetched.complete) == (7, True)


@pytest.mark.parametrize("level", ["STUDY", "SERIES"])
@pytest.mark.parametrize("ends", [0xFE00, None])
def test_series_that_are_not_listed_make_a_study_incomplete(tmp_path, level, ends):
    three = [d for n in (1, 2, 3) for d in some_series(n, count=2)]
    with cut_archive(tmp_path / "store", three, level=level, most=2 if level == "SERIES" else 0, ends=ends) as where:
        if level == "STUDY":
            with pytest.raises(derive.DeriveError) as refused:
                derive.fetch(where, tmp_path / "out", study_uid=keys_of(three)[0])
            assert refused.value.code in ("NET-FIND", "NET-NOTFOUND")
            return
        with raises_code("NET-NOTKNOWN", NotKnown):
            derive.fetch(where, tmp_path / "out", study_uid=keys_of(three)[0])
        fetched = derive.fetch(where, tmp_path / "out", incomplete=True, study_uid=keys_of(three)[0])
        assert (len(fetched.series), fetched.exit_code) == (2, 9)
        named = derive.fetch(where, tmp_path / "one", series_uid=keys_of(three)[1], study_uid=keys_of(three)[0])
        assert named.complete
