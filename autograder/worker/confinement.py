"""What a worker gives up before it sees the student's code: all of it is put together here.

Each layer is tried on its own and reported, so that the grader knows what holds on this machine;
`levels` says what the layers add up to. The order matters: what needs a privilege comes before the
privilege is dropped, and the filter of system calls comes last.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from autograder.worker import kernel, landlock, namespaces, seccomp, view
from autograder.worker.kernel import PR_SET_NO_NEW_PRIVS, set_dumpable
from autograder.worker.limits import (
    LIMIT_LAYERS,
    Limits,
    apply_limit,
    memory_in_use,
    tasks_of_this_user,
)

__all__ = [
    "LAYERS",
    "PROFILES",
    "Limits",
    "Plan",
    "confine",
    "die_with",
    "remove_tree",
    "scrub_environment",
    "set_dumpable",
]

OFF = "off"
PROFILES = ("cpu", "cuda")

LAYERS = (
    "environment",  # nothing of the grader's
    "session",  # of its own
    "oom",  # first to be killed when memory is short
    "user",  # a user namespace
    "pids",  # a process namespace
    "network",  # a network namespace with nothing in it
    "ipc",  # no shared memory, no queues with anybody
    "files",  # a private root: the interpreter and its packages, read-only, and a small /tmp
    "uid",  # where root grades: a user id that nobody else has
    "capabilities",  # none
    "parent",  # it ends with the process that started it
    *LIMIT_LAYERS,
    "no new privileges",
    "landlock",  # files, TCP, signals
    "hidden",  # its memory and environment, from processes of the same user
    "seccomp",  # the system calls of a computation and no others
)

# User ids that nobody uses: systemd's table of them leaves the first range free and takes the
# second for services that run for a moment; containers often have no more than 65536.
_FREE_IDS = (range(1879048192, 2147483647), range(61184, 65519))


@dataclass(frozen=True)
class Plan:
    """How workers are confined: decided by the grader, the same for all workers of a zygote.

    Attributes:
        profile: ``"cpu"``, or ``"cuda"``: looser, because a GPU's driver shares memory and controls
            devices.
        without: layers to leave off, to see what they are good for; ``"limits"`` for every limit.
        before: which layers were made before the worker was, and how that went.
        readable: what the worker may read.
        devices: devices that it may open.
        links: symbolic links on the way to these.
    """

    profile: str = "cpu"
    without: frozenset[str] = frozenset()
    before: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: str, without: frozenset[str], before: Mapping[str, str]) -> Plan:
        """The plan for this machine; asked when everything is imported, while there is /proc."""
        cuda = profile == "cuda"
        with contextlib.suppress(OSError, AttributeError):  # once for all workers
            tasks_of_this_user()
            for writing in ("tmp", "devices", "nothing"):
                seccomp.prepared(writing=writing, cuda=cuda)
        if "limits" in without:
            without = without.union(LIMIT_LAYERS)
        readable, devices = view.readable(cuda=cuda), view.devices(cuda=cuda)
        links = view.links()
        return cls(profile, without, dict(before), tuple(readable), tuple(devices), links)


def confine(limits: Limits, directory: str, parent: int, plan: Plan) -> dict[str, str]:
    """Confine this process, for good.

    Args:
        limits: what it may use.
        directory: an empty directory. Its own file system is built there; where it cannot have
            one, this is its working directory, to which it cannot write.
        parent: the process it must not outlive.
        plan: how.

    Returns:
        ``"ok"``, ``"off"``, or why not, for each of `LAYERS`.
    """
    layers: dict[str, str] = {}
    cuda = plan.profile == "cuda"
    root = hasattr(os, "geteuid") and os.geteuid() == 0 and plan.before.get("user") != "ok"

    def layer(name: str, apply: Callable[[], object]) -> bool:
        if name in plan.without:
            layers[name] = OFF
            return False
        try:
            apply()
            layers[name] = "ok"
        except (OSError, ValueError, AttributeError, ImportError) as error:
            layers[name] = getattr(error, "strerror", "") or str(error)
        return layers[name] == "ok"

    def use_limits(used: int) -> None:
        alone = layers["uid"] == "ok"
        for name in LIMIT_LAYERS:
            layer(name, lambda: apply_limit(name, limits, cuda=cuda, alone=alone, used=used))  # noqa: B023 - called in this turn

    with contextlib.suppress(OSError):
        set_dumpable(True)  # so that /proc lets us set what follows; hidden again at the end
    layer("environment", lambda: scrub_environment(directory))
    layer("session", _lead_a_session)
    layer("oom", _volunteer)
    used = _memory_in_use(cuda)  # there may be no /proc afterwards
    layers["user"] = plan.before.get("user", "not tried")
    layers["pids"] = plan.before.get("pids", "not tried")
    layer("network", namespaces.enter_network_namespace)
    layer("ipc", namespaces.enter_ipc_namespace)
    os.umask(0o022)  # the worker may be another user by the time it looks at what is made here
    private = layer("files", lambda: _enter_private_root(directory, limits, plan, layers["pids"]))
    os.umask(0o077)
    writable = namespaces.HOME if private else directory
    os.chdir(writable)
    if "environment" not in plan.without:
        os.environ.update(HOME=writable, TMPDIR=writable)
        # torch insists on a folder for what it might compile, even where nothing can be written.
        os.environ.update(TORCHINDUCTOR_CACHE_DIR=writable)
    if root:
        layer("uid", lambda: _take_own_uid(writable, () if private else plan.readable))
    else:
        layers["uid"] = "not needed: this is not root"
    layer("capabilities", kernel.drop_capabilities)
    # After the user id, whose change takes it back.
    layer("parent", lambda: die_with(parent, signal.SIGKILL))
    use_limits(used)
    layer("no new privileges", lambda: kernel.prctl(PR_SET_NO_NEW_PRIVS, 1))
    # The working directory by its short name: as another user, this process has no way to it.
    readable = [*plan.readable, "/proc" if private else "."]
    written = ["/tmp"] if private else []
    ruled = layer(
        "landlock", lambda: landlock.restrict(readable, written, plan.devices, ioctl=cuda)
    )
    layer("hidden", lambda: set_dumpable(False))
    writing = "tmp" if private else "devices" if ruled else "nothing"
    layer("seccomp", lambda: seccomp.restrict(os.getpid(), writing=writing, cuda=cuda))
    return layers


def scrub_environment(directory: str) -> None:
    """Leave nothing in the environment that the grader's shell put there."""
    windows = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    os.environ.clear()
    os.environ.update(windows, HOME=directory, TMPDIR=directory, LANG="C.UTF-8", PATH=os.defpath)
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")


def die_with(parent: int, signum: signal.Signals) -> None:
    """Get a signal when the parent dies, also if it did so just now.

    Raises:
        OSError: this system cannot.
    """
    kernel.die_with_parent(signum)
    if os.getppid() != parent:
        os.kill(os.getpid(), signum)


def remove_tree(directory: str) -> None:
    """Delete a directory, whatever permissions were left behind in it."""
    shutil.rmtree(directory, ignore_errors=True)
    if os.path.isdir(directory):
        for path, names, _ in os.walk(directory):
            for name in (path, *(os.path.join(path, name) for name in names)):
                if not os.path.islink(name):
                    with contextlib.suppress(OSError):
                        os.chmod(name, 0o700)
        shutil.rmtree(directory, ignore_errors=True)


def _lead_a_session() -> None:
    if os.getsid(0) != os.getpid():
        os.setsid()


def _volunteer() -> None:
    with open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _memory_in_use(cuda: bool) -> int:
    try:
        return memory_in_use(cuda=cuda)
    except OSError:
        return 1 << 30  # what torch takes, roughly


def _enter_private_root(directory: str, limits: Limits, plan: Plan, pids: str) -> None:
    namespaces.enter_private_root(
        directory,
        plan.readable,
        plan.devices,
        plan.links,
        tmp_mb=limits.tmp_mb,
        tmp_files=limits.tmp_files,
        # A GPU's driver asks it about this process; it must not show other processes.
        proc=plan.profile == "cuda" and pids == "ok",
    )


def _others_may_read(path: str) -> bool:
    above = path
    while (above := os.path.dirname(above)) != "/":
        if not os.stat(above).st_mode & 0o001:
            return False
    return bool(os.stat(path).st_mode & 0o004)


def _take_own_uid(directory: str, needed: Iterable[str]) -> None:
    """Become a user that no other process belongs to; the directory becomes that user's.

    Args:
        directory: the working directory.
        needed: what must be readable afterwards.
    """
    for path in needed:
        if not _others_may_read(path):
            raise OSError(f"only root can read {path}")
    with contextlib.suppress(OSError):  # before the right to do so is gone
        kernel.drop_capabilities(bounding_only=True)
    error = OSError("no user id is free here")
    for ids in _FREE_IDS:
        # Not from the seeded generator, which two workers may have in the same state.
        uid = random.SystemRandom().choice(ids)
        try:
            os.chown(directory, uid, uid)
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        except OSError as caught:
            error = caught
        else:
            return
    raise error
