"""Using up the machine: memory, processor time, files, descriptors."""

from __future__ import annotations

from redteam.declare import attack, printed
from redteam.layers import limit

GOT = printed("got it")


@attack(
    goal="A worker with 200 MB takes 600 MB for tensors.",
    stopped_by=limit(memory_mb=4096),
    won=GOT,
    limits={"memory_mb": 200},
)
def allocates_tensors():
    import torch

    kept = [torch.ones(25_000_000) for _ in range(6)]
    print("got it", len(kept))


@attack(
    goal="A worker with 200 MB takes 400 MB for Python's own objects.",
    stopped_by=limit(memory_mb=4096),
    won=GOT,
    limits={"memory_mb": 200},
)
def allocates_bytes():
    kept = [bytes(1 << 20) for _ in range(400)]
    print("got it", len(kept))


@attack(
    goal="A worker with 200 MB takes 400 MB that it shares with nobody yet.",
    stopped_by=limit(memory_mb=4096),
    won=GOT,
    limits={"memory_mb": 200},
)
def maps_anonymous_memory():
    import mmap

    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    kept = mmap.mmap(-1, 400 << 20, flags=flags)
    for at in range(0, len(kept), 1 << 20):
        kept[at] = 1
    print("got it", len(kept))


@attack(
    goal="A worker with 200 MB grows its stack instead, which counts as something else.",
    stopped_by=limit(memory_mb=4096),
    won=GOT,
    limits={"memory_mb": 200},
)
def maps_a_growing_stack():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    grows_down_private_anonymous = 0x0100 | 0x02 | 0x20
    got = libc.mmap(
        None, ctypes.c_size_t(600 << 20), 3, grows_down_private_anonymous, -1, ctypes.c_long(0)
    )
    if got not in (None, ctypes.c_void_p(-1).value):
        print("got it")


@attack(
    goal="The limit on memory is raised from inside.",
    stopped_by=limit(memory_mb=4096),
    won=GOT,
    limits={"memory_mb": 200},
)
def raises_its_own_limit():
    import resource

    import torch

    for wanted in (resource.RLIM_INFINITY, 4 << 30):
        try:
            resource.setrlimit(resource.RLIMIT_AS, (wanted, wanted))
        except (ValueError, OSError):
            continue
    print("got it", torch.ones(150_000_000).numel())


@attack(
    goal="A worker with one second of processor time uses two.",
    stopped_by=limit(cpu_seconds=600),
    won=GOT,
    limits={"cpu_seconds": 1},
)
def uses_two_seconds_of_processor_time():
    import signal
    import time

    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    began = time.process_time()
    while time.process_time() - began < 2.3:
        pass
    print("got it")


@attack(
    goal="A worker with 64 descriptors opens two hundred.",
    stopped_by=limit(open_files=1024),
    won=GOT,
)
def opens_many_files():
    import os

    kept = [os.open(os.devnull, os.O_RDONLY) for _ in range(200)]
    print("got it", len(kept))


@attack(
    goal="A worker whose files may have 1 MB writes one of 5 MB.",
    stopped_by=limit(file_mb=64),
    won=GOT,
    limits={"file_mb": 1},
)
def writes_a_large_file():
    with open("large", "wb") as file:
        for _ in range(5):
            file.write(bytes(1 << 20))
            file.flush()
    print("got it")
