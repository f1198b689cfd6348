"""What coursework does goes on working in a confined worker."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from autograder.supervisor import Call, Worker, Workers, start_workers
from autograder.worker import Limits

SOURCE = """
import os, random, sys, tempfile, threading, time
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def trains():
    m = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(),
                      nn.Linear(8 * 36, 10))
    o = torch.optim.Adam(m.parameters())
    for _ in range(3):
        o.zero_grad()
        F.cross_entropy(m(torch.randn(4, 3, 8, 8)), torch.randint(0, 10, (4,))).backward()
        o.step()

def recurrent(): nn.LSTM(8, 8, batch_first=True)(torch.randn(2, 5, 8))
def attends(): nn.MultiheadAttention(16, 4)(*[torch.randn(3, 2, 16)] * 3)

def two_threads():
    torch.set_num_threads(2)
    torch.randn(500, 500) @ torch.randn(500, 500)
    torch.set_num_threads(1)

def loads_data():
    data = torch.utils.data.TensorDataset(torch.arange(10))
    assert len(list(torch.utils.data.DataLoader(data, batch_size=2, shuffle=True))) == 5

def decomposes():
    np.linalg.svd(np.random.rand(50, 50))
    torch.linalg.svd(torch.randn(60, 60))
    torch.linalg.solve(torch.eye(3), torch.ones(3))
    torch.fft.fft(torch.randn(8))
    np.fft.fft(np.ones(8))

def halves(): torch.randn(64, 64).bfloat16() @ torch.randn(64, 64).bfloat16()
def whole_numbers(): torch.ones(30, 30).long() @ torch.ones(30, 30).long()
def traces(): torch.jit.trace(lambda x: x * 2, torch.ones(2))(torch.ones(2))

def imports_more():
    import csv, decimal, sqlite3, ssl, statistics, unittest, zoneinfo
    import numpy.polynomial.chebyshev, numpy.testing
    import torch.distributions, torch.nn.utils.parametrize, torch.utils.checkpoint
    zoneinfo.ZoneInfo("Europe/Zurich")

def threads():
    from concurrent.futures import ThreadPoolExecutor
    assert list(ThreadPoolExecutor(4).map(abs, range(-9, 0)))

def runs_a_loop():
    import asyncio
    asyncio.run(asyncio.sleep(0.01))

def tells_time():
    time.sleep(0.01)
    return time.time() > 0 and time.process_time() > 0 and time.localtime().tm_year > 2000

def draws():
    os.urandom(8), random.random(), random.SystemRandom().random(), torch.randperm(5)
    np.random.default_rng()

def throws_away():
    import contextlib
    with open(os.devnull, "w") as sink, contextlib.redirect_stdout(sink): print("nothing")

def prints():
    print("größer", file=sys.stderr)
    print("hello")

def waits_with_an_alarm():
    import signal
    signal.signal(signal.SIGALRM, lambda *a: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()

def fails_in_a_line_that_is_known():
    try:
        raise ValueError("here")
    except ValueError:
        import traceback
        assert "raise ValueError" in traceback.format_exc()

def temporary_files():
    with tempfile.NamedTemporaryFile() as file: file.write(b"x")
    with tempfile.TemporaryDirectory() as folder:
        torch.save({"a": torch.ones(3)}, folder + "/x.pt")
        assert torch.load(folder + "/x.pt")["a"].sum() == 3
        np.save(folder + "/x.npy", np.ones(3))
        assert np.load(folder + "/x.npy", mmap_mode="r").sum() == 3

def files_of_its_own():
    import pathlib, shutil
    pathlib.Path("weights").mkdir()
    pathlib.Path("weights/a.txt").write_text("1")
    shutil.copytree("weights", "/tmp/copies")
    shutil.copy2("weights/a.txt", "b.txt")
    os.rename("b.txt", "c.txt")
    shutil.rmtree("weights")
    os.symlink("c.txt", "link")
    assert open("link").read() == "1"
    os.unlink("link")
    assert os.listdir(".") == ["c.txt"]
"""
FUNCTIONS = re.findall(r"^def (\w+)", SOURCE, re.MULTILINE)
WRITING = ("temporary_files", "files_of_its_own")


@pytest.fixture(scope="module")
def worker(forks: Workers) -> Iterator[Worker]:
    worker = forks.spawn(1, Limits())
    assert worker.load("m", "m.py", SOURCE, 60) is None
    yield worker
    worker.close()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_worker_can_do(worker: Worker, function: str) -> None:
    if function in WRITING and worker.layers["files"] != "ok":
        pytest.skip(f"there is no folder to write in: {worker.layers['files']}")
    assert worker.call(Call(function), 60).error is None


def test_what_it_prints_arrives(worker: Worker) -> None:
    worker.call(Call("prints"), 60)
    assert "größer\nhello\n" in worker.output


def test_what_is_refused_is_an_ordinary_error_with_its_line(worker: Worker) -> None:
    source = "import os\n\ndef forks():\n    return os.fork()\n"
    assert worker.load("more", "more.py", source, 60) is None
    error = worker.call(Call("forks"), 60).error
    assert error is not None
    assert (error.kind, error.line) == ("PermissionError", "more.py:4")


def test_the_profile_for_a_gpu_computes_on_the_cpu() -> None:
    with start_workers(profile="cuda") as workers:
        worker = workers.spawn(1, Limits())
        assert worker.load("m", "m.py", SOURCE, 60) is None
        for function in FUNCTIONS:
            if function not in WRITING:
                assert worker.call(Call(function), 60).error is None, function
        source = "import mmap\ndef shares(): return len(mmap.mmap(-1, 4096))"
        assert worker.load("m", "more.py", source, 60) is None
        assert worker.call(Call("shares"), 60).value == 4096


def test_names_that_mean_nothing_are_refused() -> None:
    call: Callable[..., object] = start_workers
    with pytest.raises(ValueError, match="no layer 'walls'"):
        call(without={"walls"})
    with pytest.raises(ValueError, match="no profile 'tpu'"):
        call(profile="tpu")
