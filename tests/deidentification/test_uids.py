"""New UIDs: the same ones for all objects of a run and of others with its key or its map, and well-known ones stay."""

from __future__ import annotations

import multiprocessing
import pickle
import sqlite3
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from derive.deidentification.profile.profile import Profile
from derive.deidentification.run.run import RunPlan, run_of
from derive.deidentification.run.uids import is_well_known, names_a_kind
from derive.elements.element import tag_of
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.methods import KEY, OTHER_KEY, instance_of

ARCS = st.lists(st.integers(0, 10**12), min_size=3, max_size=5)
UIDS = ARCS.map(lambda arcs: "1.3." + ".".join(map(str, arcs)))


@given(st.lists(UIDS, min_size=2, max_size=20, unique=True))
def test_different_uids_become_different_legal_ones_always_the_same(uids):
    run, again = run_of(Profile(), KEY), run_of(Profile(), KEY)
    made = [run.uids.new(uid) for uid in uids]
    assert made == [again.uids.new(uid) for uid in reversed(uids)][::-1]
    assert len({*made}) == len(uids)
    assert {*made} & {*uids} == set()
    assert every(UID(new).is_valid and new.startswith("2.25.") for new in made)
    assert run.uids.new(f" {uids[0]}\0") == made[0]


def test_what_means_the_same_to_everybody_stays():
    uids = run_of(Profile(), KEY).uids
    for uid in each(UID_dictionary, at_least=400):
        assert uids.new(uid) == uid
    assert uids.new("1.2.840.10008.1.4.1.1") == "1.2.840.10008.1.4.1.1"
    assert uids.new("") == ""
    assert not is_well_known("1.2.840.100080.1")
    assert not is_well_known("1.2.840.1000")


@pytest.mark.parametrize(
    ("keyword", "is_kind"),
    [
        *(
            ("ReferencedSOPClassUID", True),
            ("CodingSchemeUID", True),
            ("ContextUID", True),
            ("SOPClassesInStudy", True),
        ),
        *(
            ("MACCalculationTransferSyntaxUID", True),
            ("MappingResourceUID", True),
            ("ManufacturerDeviceClassUID", False),
        ),
        *(("ReferencedSOPInstanceUID", False), ("DeviceUID", False), ("TrackingUID", False), ("UID", False)),
        *(("FrameOfReferenceUID", False), ("SynchronizationFrameOfReferenceUID", False), ("InstanceCreatorUID", False)),
    ],
)
def test_what_only_says_what_something_is(keyword, is_kind):
    assert names_a_kind(tag_of(keyword)) is is_kind


def test_a_map_keeps_what_became_of_what(tmp_path):
    path = tmp_path / "map.sqlite"
    first = run_of(Profile(), plan=RunPlan(uid_map=path))
    made = {uid: first.uids.new(uid) for uid in ("1.3.1", "1.3.2", "1.2.840.10008.1.2")}
    first.uids.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {p.name for p in tmp_path.iterdir()} == {"map.sqlite"}
    with sqlite3.connect(path) as kept:
        assert dict(kept.execute("SELECT old, new FROM uids")) == {u: n for u, n in made.items() if u != n}
    second = run_of(Profile(), plan=RunPlan(uid_map=path))
    assert {uid: second.uids.new(uid) for uid in made} == made
    assert not second.secrets.is_random
    one = instance_of()
    assert second.dates.days(one) == first.dates.days(one)
    assert second.subjects.patient_id(one) == first.subjects.patient_id(one)


def test_a_map_wins_over_a_key_and_a_key_over_none(tmp_path):
    path = tmp_path / "map.sqlite"
    keyed = run_of(Profile(), KEY, RunPlan(uid_map=path))
    assert keyed.uids.new("1.3.1") == run_of(Profile(), KEY).uids.new("1.3.1")
    other = run_of(Profile(), OTHER_KEY, RunPlan(uid_map=path))
    assert other.uids.new("1.3.1") == keyed.uids.new("1.3.1")
    assert other.uids.new("1.3.2") == run_of(Profile(), OTHER_KEY).uids.new("1.3.2")


def _work(run, number, results):
    results.put([run.uids.new(f"1.3.{n}") for n in range(number, number + 60)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_several_processes_agree_by_one_map(tmp_path, method):
    run = run_of(Profile(), plan=RunPlan(uid_map=tmp_path / "map.sqlite"))
    run.uids.new("1.3.0")  # the connection of this process is of no use to the others
    context = multiprocessing.get_context(method)
    results = context.Queue()
    workers = [context.Process(target=_work, args=(run, number, results)) for number in (0, 30)]
    for worker in workers:
        worker.start()
    found = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(60)
    known = {f"1.3.{n}": run.uids.new(f"1.3.{n}") for n in range(90)}
    assert sorted(found) == sorted([known[f"1.3.{n}"] for n in range(a, a + 60)] for a in (0, 30))


@pytest.mark.parametrize("rows", [[("1.3.1", "1.3.1")], [("1.3.1", "DOE^JANE")], [("1.3.1", "1.02.3")]])
def test_a_map_that_makes_no_new_uids_is_refused(tmp_path, rows):
    path = tmp_path / "map.sqlite"
    run_of(Profile(), plan=RunPlan(uid_map=path)).uids.close()
    with sqlite3.connect(path) as kept:
        kept.executemany("INSERT INTO uids VALUES (?, ?)", rows)
    with raises_code("DEID-UID-MAP") as caught:
        run_of(Profile(), plan=RunPlan(uid_map=path))
    assert "DOE" not in str(caught.value)


def test_what_is_no_map_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no map at all, and long enough for a header\n" * 10)
    before = path.read_bytes()
    with raises_code("DEID-UID-MAP"):
        run_of(Profile(), plan=RunPlan(uid_map=path))
    assert path.read_bytes() == before
    with raises_code("DEID-UID-MAP"):
        run_of(Profile(), plan=RunPlan(uid_map=tmp_path / "none" / "map.sqlite"))


def test_references_out_of_the_set_are_told(tmp_path):
    run = run_of(Profile(), KEY, RunPlan(external="remove"))
    run.seen(
        instance_of(
            SOPInstanceUID="1.3.1", SeriesInstanceUID="1.3.2", StudyInstanceUID="1.3.3", FrameOfReferenceUID="1.3.4"
        )
    )
    run = pickle.loads(pickle.dumps(run))
    assert [
        run.uids.leads_out(uid) for uid in ("1.3.1", "1.3.2", "1.3.3", "1.3.4 ", "1.3.5", "1.2.840.10008.1.2", "")
    ] == [*(False, False, False, False, True, False, False)]
    mapped = run_of(Profile(), KEY)
    mapped.seen(instance_of(SOPInstanceUID="1.3.1"))
    assert not mapped.uids.leads_out("1.3.5")
    with raises_code("DEID-EXTERNAL"):
        RunPlan(external="keep")


def test_a_dry_run_begins_no_map_and_changes_none(tmp_path):
    path = tmp_path / "map.sqlite"
    dry = RunPlan(uid_map=path, dry_run=True)
    assert run_of(Profile(), plan=dry).uids.new("1.3.1").startswith("2.25.")
    assert not path.exists()
    first = run_of(Profile(), plan=RunPlan(uid_map=path))
    known = first.uids.new("1.3.1")
    first.uids.close()
    run = run_of(Profile(), plan=dry)
    assert run.uids.new("1.3.1") == known
    assert run.uids.new("1.3.2") == first.uids.new("1.3.2")
    first.uids.close()
    assert run_of(Profile(), KEY, dry).uids.new("1.3.3") == run_of(Profile(), KEY).uids.new("1.3.3")
    run.uids.close()
    with sqlite3.connect(path) as kept:
        assert {old for (old,) in kept.execute("SELECT old FROM uids")} == {"1.3.1", "1.3.2"}
