"""The engine: what comes back from its workers, in which order they work, and what ends them."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace

import joblib
import numpy as np
import psutil
import pytest
import torch
from distributed import LocalCluster

from gencompare.config.typed import SettingError
from gencompare.running import remote
from gencompare.running.engine import Engine, EngineLost, environments
from gencompare.running.exhaustion import WorkerKilled
from gencompare.running.forks import can_fork
from gencompare.running.order import Order
from gencompare.training import progress

from ..conftest import until


@pytest.fixture(scope="module")
def engine(errands):
    made = Engine(Order(), environments(trainings=2))
    yield made
    made.close()


def test_work_is_done_elsewhere_on_its_share_of_the_cores(engine, errands):
    process, threads = engine.call("a", errands.about_this_process)
    assert process != os.getpid()
    assert threads == max(1, joblib.cpu_count() // 2)


def test_rows_log_lines_and_result_come_back(engine, errands, caplog):
    rows = []
    with caplog.at_level(logging.INFO), progress.observing(lambda *row: rows.append(row)):
        result = engine.call("gan-a.train", errands.speak)
        until(lambda: len(rows) == 2 and len(caplog.records) >= 2)
    assert torch.equal(result, torch.arange(3))
    assert rows == [("dcgan", {"kimg": 1.0}, 2.0), ("dcgan", {"kimg": 2.0}, 2.0)]
    said = [(record.name, record.getMessage()) for record in caplog.records]
    assert said == [("gencompare.running.worker", "── gan-a.train"), ("gencompare.example", "at 1 of 2")]


def test_rows_go_on_after_a_full_disk_which_is_said_once(engine, errands, caplog):
    heard = []

    def observer(*row):
        heard.append(row)
        if len(heard) < 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    with progress.observing(observer):
        for _ in range(2):
            engine.call("gan-a.train", errands.speak)
        until(lambda: len(heard) == 4)
    assert [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING] == [
        "Curves of this run will have gaps, training goes on: [Errno 28] No space left on device"
    ]


def test_an_error_is_raised_here_as_what_it_is(engine, errands):
    with pytest.raises(SettingError, match="lr=-1"):
        engine.call("a", errands.refuse)


def test_memory_maps_go_by_reference_and_views_of_them_by_value(engine, errands, tmp_path):
    np.save(tmp_path / "images.npy", np.arange(100, dtype=np.uint8))
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert engine.call("a", errands.is_map, images) == (True, 4950)
    assert engine.call("a", errands.is_map, images[10:20]) == (False, 145)


def test_two_at_once_draw_what_each_draws_alone(engine, errands):
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda seed: engine.call("a", errands.random_numbers, seed), (1, 2)))
    assert found == [errands.random_numbers(seed) for seed in (1, 2)]


def test_the_work_of_a_killed_worker_is_done_by_another(engine, errands, tmp_path):
    assert engine.call("a", errands.die_once, tmp_path / "note") == "died"


def test_work_that_has_each_of_its_workers_killed_ends(engine, errands, monkeypatch):
    monkeypatch.setattr(engine._cluster.scheduler, "allowed_failures", 1)
    with pytest.raises(WorkerKilled, match="killed 2 times"):
        engine.call("a", errands.die)
    assert engine.call("a", errands.about_this_process)


@pytest.fixture
def runs(engine):
    """Two runs on workers of one scheduler that outlive them."""
    made = [Engine(Order(), [], engine.address) for _ in range(2)]
    yield made
    for one in made:
        one.close()


def test_a_stop_reaches_its_own_run_alone_and_later_runs_begin_afresh(engine, runs, errands, tmp_path):
    one, other = runs
    with ThreadPoolExecutor(2) as pool:
        stopped = pool.submit(one.call, "a", errands.wait_to_be_stopped, tmp_path / "one")
        goes_on = pool.submit(other.call, "a", errands.wait_to_be_stopped, tmp_path / "other")
        until(lambda: (tmp_path / "one").exists() and (tmp_path / "other").exists())
        one.stop()
        with pytest.raises(progress.Stopped):
            stopped.result(timeout=30)
        with pytest.raises(progress.Stopped):
            one.call("b", errands.is_stopping)
        assert not engine.call(
            "a", errands.is_stopping
        )  # where the first was, for the second is still at work
        assert not goes_on.done()
        other.stop()
        with pytest.raises(progress.Stopped):
            goes_on.result(timeout=30)


def test_a_run_hears_of_its_own_rows_alone(runs, errands):
    """Both listen here, so that a row that both hear of is told twice: of the first the second has heard by the time it
    hears of its own."""
    rows = []
    with progress.observing(lambda *row: rows.append(row[1]["kimg"])):
        for place, number in enumerate((1.0, 1.0, 3.0, 3.0)):
            runs[place % 2].call("a", errands.speak, number)
            until(lambda count=2 * place + 2: len(rows) >= count)
    assert rows == [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0]


def test_a_worker_with_other_code_is_refused_though_it_came_late(runs, errands):
    late = runs[0]
    late._code = "gencompare of yesterday"
    with pytest.raises(
        SettingError, match=r"engine=tcp.*tcp.* has gencompare .*, and here is gencompare of yest"
    ):
        late.call("a", errands.is_stopping)


def test_workers_of_several_threads_are_refused():
    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        with pytest.raises(SettingError, match="has 2 threads, .* start 2 with --nthreads=1"):
            Engine(Order(), [], cluster.scheduler_address)


def test_a_node_is_sent_to_the_engine_where_one_runs_and_stays_here_otherwise(errands):
    node = remote.remote(errands.about_this_process)
    assert node()[0] == os.getpid() and not remote.is_running()
    with remote.running(lambda: Engine(Order(), environments(trainings=1))):
        remote.label.set("a")
        assert node()[0] != os.getpid() and remote.is_running()
    assert node()[0] == os.getpid()


@pytest.mark.parametrize("errand", ["wait_to_be_stopped", "die_when_stopped"])
def test_what_is_asked_to_stop_stops_and_nothing_more_begins(errands, tmp_path, errand):
    errors = []

    def wait():
        try:
            remote.label.set("a")
            remote.remote(getattr(errands, errand))(tmp_path / "note")
        except progress.Stopped as error:
            errors.append(str(error))

    try:
        with remote.running(lambda: Engine(Order(), environments(trainings=1))):
            thread = threading.Thread(target=wait)
            thread.start()
            until((tmp_path / "note").exists)
            remote.stop()
            thread.join(timeout=30)
            assert errors == ["stopped; the same command goes on from here"]
            with pytest.raises(progress.Stopped):
                remote.label.set("b")
                remote.remote(errands.speak)()
    finally:
        progress.stopping.clear()


def test_a_stop_is_asked_for_at_once_though_the_engine_is_still_starting():
    """In a signal's handler, where nothing else goes on meanwhile."""
    may_start = threading.Event()

    def start():
        may_start.wait(timeout=30)
        return SimpleNamespace(is_closed=True, close=lambda: None)

    try:
        with remote.running(start):
            started = time.monotonic()
            remote.stop()
            assert time.monotonic() - started < 5 and progress.stopping.is_set()
            may_start.set()
    finally:
        may_start.set()
        progress.stopping.clear()


@pytest.mark.parametrize("error", [SettingError("lr=-1"), TimeoutError("of its own")])
def test_work_that_fails_just_when_the_wait_for_it_ends_says_why(engine, error):
    turns = iter([TimeoutError(), error])

    def exception(timeout):
        if isinstance(turn := next(turns), TimeoutError) and turn is not error:
            raise turn
        return turn

    def result():
        raise error

    with pytest.raises(type(error), match=str(error)):
        engine._result(SimpleNamespace(exception=exception, result=result))


def test_workers_are_started_anew_where_one_is_killed_before_it_is_ready(errands, caplog):
    def killed():
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process().children():
                starts_workers = "forkserver" in " ".join(child.cmdline())
                for worker in set(child.children()) - before if starts_workers else ():
                    worker.kill()
                    return True
        return False

    before = set(psutil.Process().children(recursive=True))
    killer = threading.Thread(target=until, args=[killed])
    killer.start()
    engine = Engine(Order(), environments(trainings=2))
    killer.join()
    try:
        assert engine.call("a", errands.about_this_process)[0] != os.getpid()
    finally:
        engine.close()
    assert "started anew" in caplog.text


def test_workers_end_with_their_parent_even_when_that_is_killed(errands, tmp_path):
    script = (
        "import sys, errands\n"
        "from pathlib import Path\n"
        "from gencompare.running.engine import Engine, environments\n"
        "from gencompare.running.order import Order\n"
        "if __name__ == '__main__':\n"
        "    Engine(Order(), environments(2)).call('a', errands.linger, Path(sys.argv[1]))\n"
    )
    (tmp_path / "run.py").write_text(script)
    parent = subprocess.Popen([sys.executable, tmp_path / "run.py", tmp_path / "note"])
    until((tmp_path / "note").exists, seconds=120.0)  # a whole start-up, on a machine that may be busy
    children = psutil.Process(parent.pid).children(recursive=True)
    assert int((tmp_path / "note").read_text()) in {child.pid for child in children}
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


@pytest.fixture
def scheduler(errands, tmp_path):
    """A scheduler and two workers as processes of their own, each in a folder of its own."""
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    started = []

    def start(words, name):
        (tmp_path / name).mkdir()
        started.append(subprocess.Popen(words, cwd=tmp_path / name, stderr=subprocess.DEVNULL))

    file = tmp_path / "scheduler.json"
    start([*dask, "--no-dashboard", "--scheduler-file", file], "scheduler")
    for name in ("one", "two"):
        work = [
            sys.executable,
            "-m",
            "distributed.cli.dask_worker",
            "--scheduler-file",
            file,
            "--nthreads",
            "1",
        ]
        start([*work, "--no-dashboard", "--preload", "gencompare.running.worker"], name)
    until(file.exists)
    yield json.loads(file.read_text())["address"], started
    for process in started:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()


def test_results_that_are_fetched_together_reach_all_who_wait_for_them(engine, errands, monkeypatch):
    monkeypatch.setattr("gencompare.running.engine.SECONDS_BETWEEN_CHECKS", 0.001)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda seed: engine.call("a", errands.random_numbers, seed), range(80)))
    assert found == [errands.random_numbers(seed) for seed in range(80)]


def test_a_cluster_elsewhere_does_the_work_and_its_end_is_told_in_one_line(scheduler, errands, tmp_path):
    address, processes = scheduler
    engine = Engine(Order(), [], address)
    until(lambda: len(engine.client.scheduler_info()["workers"]) == 2)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda seed: engine.call("a", errands.random_numbers, seed), (1, 2)))
        assert found == [errands.random_numbers(seed) for seed in (1, 2)]
        lost = pool.submit(engine.call, "a", errands.linger, tmp_path / "note")
        until((tmp_path / "note").exists)
        processes[0].kill()
        with pytest.raises(EngineLost, match="give the same command again"):
            lost.result(timeout=60)
    engine.close()


def test_what_takes_long_is_parted_among_all_workers_and_what_does_not_is_not(errands, monkeypatch):
    with remote.running(lambda: Engine(Order(), environments(trainings=2))):
        remote.label.set("gan-ddpm.sample")
        (whole,) = remote.in_parts(errands.count_slowly, 10, 4)
        monkeypatch.setattr(remote, "SECONDS_OF_A_PART", 0.1)
        parts = remote.in_parts(errands.count_slowly, 22, 4)
    assert whole[0] == list(range(10))
    assert [len(numbers) for numbers, _ in parts] == [4, 4, 4, 4, 4, 2]
    assert [number for numbers, _ in parts for number in numbers] == list(range(22))
    assert len({process for _, process in parts}) == min(2, joblib.cpu_count())
    ((here, process),) = remote.in_parts(errands.count_slowly, 10, 4)
    assert (here, process) == (whole[0], os.getpid())


@pytest.mark.parametrize(
    ("cards", "trainings", "processes", "theirs"),
    [
        (0, 8, 1, [None] * 8),
        (0, 8, 4, [None] * 2),
        (0, 8, 16, [None]),
        (8, 9, 1, [str(number) for number in range(8)]),
        (8, 9, 4, ["0,1,2,3", "4,5,6,7"]),
        (8, 1, 2, ["0,1"]),
        (1, 2, 2, ["0,1"]),  # which training refuses
    ],
)
def test_trainings_of_several_processes_have_as_many_cores_or_cards(
    monkeypatch, cards, trainings, processes, theirs
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(cards))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    made = environments(trainings, processes)
    assert [one.get("CUDA_VISIBLE_DEVICES") for one in made] == theirs
    assert all(one["OMP_NUM_THREADS"] == max(1, 8 // len(made)) for one in made)


def test_workers_take_only_cards_that_are_visible_here(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,2,GPU-8a")
    assert [one["CUDA_VISIBLE_DEVICES"] for one in environments(9)] == ["5", "2", "GPU-8a"]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in environments(1, processes=2)] == ["5,2"]


@pytest.mark.skipif(not can_fork(), reason="nothing is forked here")
def test_a_temporary_folder_of_too_long_a_name_is_refused(tmp_path):
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    command = [sys.executable, "-c", "from gencompare.running import forks; forks.prepare(1)"]
    ended = subprocess.run(
        command, check=False, env=os.environ | {"TMPDIR": str(folder)}, capture_output=True, text=True
    )
    assert f"SettingError: TMPDIR={folder}: " in ended.stderr.splitlines()[-1]
