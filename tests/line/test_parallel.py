"""Threads change how long it takes, and nothing else."""

from __future__ import annotations

import os
import threading
import time

import pytest

import derive
from derive import parallel
from derive.cli.main import main
from derive.operations import gaussian_blur, mip, resample
from tests.helpers.asserting import every
from tests.helpers.sources import make_series


@pytest.fixture(params=[1, 2, 5])
def jobs(request):
    derive.set_jobs(request.param)
    yield request.param
    derive.set_jobs(None)


def test_each_keeps_the_order_and_uses_no_more_threads_than_it_may(jobs):
    seen = set()

    def square(number):
        seen.add(threading.get_ident())
        time.sleep(0.001)
        return number * number

    assert parallel.each(square, range(50)) == [n * n for n in range(50)]
    assert parallel.each(square, []) == []
    assert 1 <= len(seen) <= jobs


def test_each_may_be_called_inside_each(jobs):
    def inner(number):
        return sum(parallel.each(lambda n: n + number, range(4)))

    assert parallel.each(inner, range(20)) == [6 + 4 * n for n in range(20)]


def test_an_error_ends_all_calls_before_it_is_raised(jobs):
    running = []

    def fail(number):
        running.append(number)
        time.sleep(0.002)
        running.remove(number)
        if number == 3:
            raise ValueError("three")

    with pytest.raises(ValueError, match="three"):
        parallel.each(fail, range(30))
    assert running == []


def test_submitted_calls_are_called_off_or_waited_for(jobs):
    done = []
    futures = [parallel.submit(lambda n=n: (time.sleep(0.002), done.append(n))) for n in range(20)]
    parallel.settle(futures)
    count = len(done)
    time.sleep(0.02)
    assert len(done) == count
    assert every(f.done() for f in futures)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own():
    derive.set_jobs(2)
    parallel.each(str, range(8))
    child = os.fork()
    if child == 0:
        os._exit(0 if parallel.each(abs, range(8)) == list(range(8)) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    derive.set_jobs(None)


@pytest.mark.parametrize(
    "operation", [gaussian_blur(sigma_mm=2.0), resample(spacing_mm=1.7), mip(slab_mm=6, step_mm=2)]
)
def test_the_pixels_do_not_depend_on_the_threads(operation):
    source = derive.read(make_series("CT", count=30, PixelPaddingValue=5))
    pixels = []
    for count in (1, 4):
        derive.set_jobs(count)
        pixels.append([d.PixelData for d in derive.build(source, operation).instances()])
    derive.set_jobs(None)
    assert pixels[0] == pixels[1]


def test_the_command_line_takes_the_number_of_threads(tmp_path, capsys):
    for index, dataset in enumerate(make_series("CT")):
        dataset.save_as(tmp_path / f"{index}.dcm", enforce_file_format=True)
    blur = ["gaussian-blur", *(str(p) for p in tmp_path.glob("*.dcm")), "--sigma-mm", "1", "-q"]
    assert main([*blur, "-o", str(tmp_path / "one"), "--jobs", "1"]) == 0
    assert parallel.jobs() == 1
    assert main([*blur, "-o", str(tmp_path / "all")]) == 0
    assert parallel.jobs() == parallel.cores()
    assert main([*blur, "-o", str(tmp_path / "none"), "--jobs", "0"]) == 2
    assert "OPT-JOBS" in capsys.readouterr().err
