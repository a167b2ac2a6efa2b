"""On Dask: processes of this machine and schedulers that exist, workers that are lost, runs that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("distributed")

import derive
from derive.many.engines.cluster import Cluster
from derive.many.outcome import Ending
from derive.many.plan import Plan
from derive.many.tasks import Delivery, SeriesTask
from tests.helpers.asserting import each, every, raises_code
from tests.helpers.trees import counted_endings, tree_of
from tests.many.test_batch import results_in

#: Seconds that nothing here takes, however busy the machine is.
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def plain(tree, tmp_path_factory):
    """Results of a run that nobody disturbed."""
    output = tmp_path_factory.mktemp("plain") / "out"
    outcomes = list(derive.batch(tree[0], tree[2], output=output, workers=2))
    assert counted_endings(outcomes) == tree[1]
    return results_in(output)


def test_two_processes_write_what_one_does(tree, plain, tmp_path, monkeypatch):
    from derive.many import batch as room

    monkeypatch.setattr(room, "has_dask", lambda: False)
    assert counted_endings(derive.batch(tree[0], tree[2], output=tmp_path / "out")) == tree[1]
    assert results_in(tmp_path / "out") == plain


def test_nothing_is_left_beside_results(tree, plain, tmp_path):
    output = tmp_path / "out"
    list(derive.batch(tree[0], tree[2], output=output, workers=1))
    assert list(output.rglob("*.part")) == []
    assert list((output / ".derive" / "work").iterdir()) == []


def lost(values):
    """A function of a user's that takes its process with it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return values


def hanging(values):
    """One that no word reaches."""
    time.sleep(PATIENCE_S)
    return values


def test_a_worker_that_is_lost_is_replaced_and_the_others_go_on(tmp_path):
    tree_of(tmp_path / "archive", 4)
    step = "apply(function='tests.many.test_cluster:lost', code='Smoothing')"
    rules = [
        {"name": "lost", "select": {"Modality": "MR"}, "steps": [step]},
        {"name": "fine", "steps": ["gaussian_blur(sigma_mm=1)"]},
    ]
    outcomes = list(derive.batch(tmp_path / "archive", {"rule": rules}, output=tmp_path / "out", workers=1))
    gone = [o for o in outcomes if o.rule == "lost"]
    assert every((o.ending, o.code) == (Ending.FAILED, "MANY-LOST") for o in each(gone, 1))
    assert sum(o.ending is Ending.DONE for o in outcomes if o.rule == "fine") == 3


def test_a_series_that_hangs_is_given_up(tree, tmp_path, monkeypatch):
    from derive.many.engines import cluster

    monkeypatch.setattr(cluster, "_GRACE_S", 2.0)
    step = "apply(function='tests.many.test_cluster:hanging', code='Smoothing')"
    rules = [
        {"name": "hangs", "select": {"Modality": "MR"}, "steps": [step]},
        {"name": "fine", "steps": ["gaussian_blur(sigma_mm=1)"]},
    ]
    begun = time.monotonic()
    outcomes = list(derive.batch(tree[0], {"rule": rules}, output=tmp_path / "out", workers=2, timeout_s=4))
    assert time.monotonic() - begun < PATIENCE_S
    endings = {o.series_instance_uid: o.ending for o in outcomes}
    assert endings["2.25.8000001"] is Ending.TIMED_OUT
    assert endings["2.25.8000000"] is Ending.DONE


def started(*words, **options):
    return subprocess.Popen([sys.executable, "-m", *words], start_new_session=True, **options)


def until(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def ended(*processes):
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler and two workers, each started by its own command, as on a cluster."""
    file = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    quiet["env"] = {**os.environ, "PYTHONPATH": str(Path(derive.__file__).parents[1])}
    place = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    processes = [started("distributed.cli.dask_scheduler", *place, **quiet)]
    worker = ["--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1"]
    processes += [started("distributed.cli.dask_worker", *worker, **quiet) for _ in range(2)]
    until(file.exists, "the scheduler has no address")
    import json

    yield json.loads(file.read_text())["address"], processes
    ended(*processes)


def test_a_cluster_that_exists_does_the_work(tree, plain, scheduler, tmp_path):
    address, _ = scheduler
    outcomes = list(derive.batch(tree[0], tree[2], output=tmp_path / "out", scheduler=address))
    assert counted_endings(outcomes) == tree[1]
    assert results_in(tmp_path / "out") == plain


def test_a_scheduler_that_is_gone_ends_the_run_and_not_what_is_done(tree, plain, scheduler, tmp_path):
    address, processes = scheduler
    found = derive.batch(tree[0], tree[2], output=tmp_path / "out", scheduler=address)
    next(o for o in found if o.ending is Ending.DONE)
    os.kill(processes[0].pid, signal.SIGKILL)
    with raises_code("MANY-SCHEDULER"):
        list(found)
    ended(*processes)
    outcomes = list(derive.batch(tree[0], tree[2], output=tmp_path / "out", workers=1, resume=True))
    assert counted_endings(outcomes) == tree[1]
    assert results_in(tmp_path / "out") == plain


def test_no_scheduler_is_refused(tree, tmp_path, monkeypatch):
    from derive.many.engines import cluster

    monkeypatch.setattr(cluster, "_CONNECT_S", 1)
    with raises_code("MANY-SCHEDULER"):
        list(derive.batch(tree[0], tree[2], output=tmp_path / "out", scheduler="tcp://127.0.0.1:9"))


KILLS = int(os.environ.get("DERIVE_KILLS", "3"))


@pytest.mark.parametrize("number", range(KILLS))
def test_a_run_that_is_killed_goes_on_where_it_was(tree, plain, tmp_path, number):
    """SIGKILL at another moment each: of the client or of one of its workers."""
    output = tmp_path / "out"
    words = ["derive", "batch", str(tree[2]), "--input", str(tree[0]), "-o", str(output), "--workers", "2", "-q"]
    client = started(*words, stderr=subprocess.DEVNULL)
    done = number % 7
    until(lambda: len(list(output.rglob("IM00004.dcm"))) >= done or client.poll() is not None, "nothing is made")
    time.sleep(0.011 * number)
    if number % 3 == 2:
        for worker in children_of(client.pid):
            with suppress(ProcessLookupError):  # it ended by itself
                os.kill(worker, signal.SIGKILL)
        client.wait(PATIENCE_S)
    with suppress(ProcessLookupError):
        os.kill(client.pid, signal.SIGKILL)
    client.wait()
    outcomes = list(derive.batch(tree[0], tree[2], output=output, workers=2, resume=True))
    assert counted_endings(outcomes) == tree[1]
    assert results_in(output) == plain


def children_of(process):
    """Processes that a process started, and those that these did, in the order of their starts."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == process:
                found.append(int(entry.name))
    return sorted(found)


def test_a_script_without_a_guard_is_told_what_it_lacks(tree, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import derive\nlist(derive.batch({str(tree[0])!r}, {str(tree[2])!r}, output='out', workers=1))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(derive.__file__).parents[1])}
    command = [sys.executable, str(script)]
    how = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": PATIENCE_S}
    ran = subprocess.run(command, check=False, **how)
    assert ran.returncode != 0
    assert "__main__" in ran.stderr


def test_what_a_worker_may_hold_holds_tasks_back():
    engine = Cluster.__new__(Cluster)
    engine._slots, engine._memory, engine._in_hand = 4, 1000, {}
    rule = Plan.of({"rule": [{"steps": ["mip()"]}]})
    large = SeriesTask("1.2", rule, Delivery(), "", samples=1000)
    small = SeriesTask("1.3", rule, Delivery(), "", samples=1)
    assert engine._has_room(large)  # one alone is always tried
    engine._in_hand = {"a": type("Held", (), {"task": small})()}
    assert not engine._has_room(large)
    assert engine._has_room(small)
    engine._in_hand = {str(n): type("Held", (), {"task": small})() for n in range(8)}
    assert not engine._has_room(small)
