"""The machine: files, the network, other processes, and what a worker could leave behind.

What the grader's side has is a decoy (`world`): a private file, sockets that wait, a process next
door whose environment holds a secret.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from redteam.declare import Seen, attack, printed, world
from redteam.layers import CONFINEMENT, PROCESSES
from redteam.unit import SECRET

GOT = printed("got it")


def finds_the_secret(seen: Seen) -> bool:
    """What only the grader's side knows was printed."""
    return seen.graded is not None and seen.world.secret in seen.graded.output


def connects(seen: Seen) -> bool:
    """Somebody connected to one of our sockets, or sent something."""
    return seen.world.reached()


def kills(seen: Seen) -> bool:
    """The process next door was ended by a signal."""
    return seen.world.hit()


def plants(seen: Seen) -> bool:
    """A file appeared outside."""
    return bool(seen.world.planted())


def spoils(seen: Seen) -> bool:
    """The grader's file is not as it was."""
    return seen.world.spoilt()


def outlives(seen: Seen) -> bool:
    """A process is still there although its submission was graded."""
    return seen.world.outlived()


def strangers_are_not_traced() -> str:
    """Why no process may look into another here, confined or not."""
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    if os.geteuid() and scope.exists() and scope.read_text().strip() != "0":
        return "this system lets no user trace another process (yama.ptrace_scope)"
    return ""


def namespaces_are_denied() -> str:
    """Why nobody makes namespaces here, confined or not."""
    done = subprocess.run(["unshare", "--user", "--mount", "true"], capture_output=True)
    return "" if done.returncode == 0 else "this system denies user namespaces to everybody"


# Files


@attack(
    goal="The hidden tests are read from their file.",
    stopped_by=CONFINEMENT,
    won=printed(SECRET),
)
def reads_the_hidden_tests():
    with open(world.hidden_tests) as file:
        print(file.read()[:2000])


@attack(
    goal="The reference solution is read from its file and run in the student's place.",
    stopped_by=CONFINEMENT,
    won=printed("BEGIN SOLUTION"),
)
def reads_the_reference():
    with open(world.reference) as file:
        print(file.read())


@attack(
    goal="The exam, which holds all inputs and all answers, is read from where it is kept.",
    stopped_by=CONFINEMENT,
    won=printed("handgrad exam"),
)
def reads_the_exam():
    with open(world.exam, "rb") as file:
        print(file.read(2000))


@attack(
    goal="A private file of the grading user is read.",
    stopped_by=CONFINEMENT,
    won=finds_the_secret,
)
def reads_a_private_file():
    with open(world.private) as file:
        print(file.read())


@attack(
    goal="A private file is read through a link that the student makes.",
    stopped_by=CONFINEMENT,
    won=finds_the_secret,
)
def reads_through_a_link():
    import os

    os.symlink(world.private, "link")
    with open("link") as file:
        print(file.read())


@attack(
    goal="A private file is read through the root of this process in /proc.",
    stopped_by=CONFINEMENT,
    won=finds_the_secret,
)
def reads_through_proc():
    with open(f"/proc/self/root{world.private}") as file:
        print(file.read())


@attack(
    goal="The files of the grader are listed, which tells the units to come.",
    stopped_by=CONFINEMENT,
    won=printed("private.txt"),
)
def lists_a_folder():
    import os

    print(os.listdir(world.folder))


@attack(
    goal="The names of this machine's users are read.",
    stopped_by=CONFINEMENT,
    won=printed("root:"),
)
def reads_the_list_of_users():
    with open("/etc/passwd") as file:
        print(file.read()[:1000])


@attack(
    goal="The environment of another process, with its tokens, is read.",
    stopped_by=CONFINEMENT,
    won=finds_the_secret,
)
def reads_another_environment():
    with open(f"/proc/{world.victim}/environ") as file:
        print(file.read())


@attack(
    goal="A file is written into the grader's folder.",
    stopped_by=CONFINEMENT,
    won=plants,
)
def writes_outside():
    open(f"{world.folder}/planted", "w").close()


@attack(
    goal="A file is left where the submission that is graded next can find it.",
    stopped_by=CONFINEMENT,
    won=plants,
)
def leaves_a_message_for_the_next():
    for path in world.shared:
        try:
            with open(path, "w") as file:
                file.write("the hidden input was 0.7")
        except OSError:
            continue


@attack(
    goal="A private file is made readable for everybody.",
    stopped_by=CONFINEMENT,
    won=spoils,
)
def changes_permissions():
    import os

    os.chmod(world.private, 0o644)


@attack(
    goal="A file of the grader's is overwritten.",
    stopped_by=CONFINEMENT,
    won=spoils,
)
def overwrites_a_file():
    open(world.private, "w").close()


# The network


@attack(
    goal="A connection to a server on this machine is opened.",
    stopped_by=CONFINEMENT,
    won=connects,
)
def connects_over_tcp():
    import socket

    socket.create_connection(("127.0.0.1", world.port), 2)


@attack(
    goal="A datagram with a hidden input leaves the worker.",
    stopped_by=CONFINEMENT,
    won=connects,
)
def sends_a_datagram():
    import socket

    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.sendto(b"0.7", ("127.0.0.1", world.mailbox))


@attack(
    goal="A service of this machine is reached by the path of its socket.",
    stopped_by=CONFINEMENT,
    won=connects,
)
def connects_to_a_socket_by_path():
    import socket

    socket.socket(socket.AF_UNIX).connect(f"{world.folder}/s")


@attack(
    goal="A service of this machine is reached by a socket that has no path.",
    stopped_by=CONFINEMENT,
    won=connects,
)
def connects_to_an_abstract_socket():
    import socket

    socket.socket(socket.AF_UNIX).connect(world.abstract)


@attack(
    goal="The worker listens for someone outside.",
    stopped_by=CONFINEMENT,
    won=GOT,
)
def listens():
    import socket

    socket.create_server(("127.0.0.1", 0))
    print("got it")


@attack(
    goal="The kernel is asked about this machine's network.",
    stopped_by=CONFINEMENT,
    won=GOT,
)
def opens_a_netlink_socket():
    import socket

    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).bind((0, 0))
    print("got it")


# Other processes


@attack(
    goal="A process of the grading user is killed.",
    stopped_by=CONFINEMENT,
    won=kills,
)
def kills_a_process():
    import os
    import signal

    os.kill(world.victim, signal.SIGKILL)


@attack(
    goal="A process of the grading user is killed by a signal that comes with input.",
    stopped_by=CONFINEMENT,
    won=kills,
)
def kills_by_input():
    import fcntl
    import os
    import socket

    ours, theirs = socket.socketpair()
    fcntl.fcntl(ours, fcntl.F_SETOWN, world.victim)
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    theirs.send(b"x")


@attack(
    goal="The memory of another process is read.",
    stopped_by=CONFINEMENT,
    won=finds_the_secret,
    impossible=strangers_are_not_traced,
)
def reads_memory_through_proc():
    with open(f"/proc/{world.victim}/mem", "rb", 0) as memory:
        memory.seek(world.stack[0])
        print(memory.read(world.stack[1]).decode("ascii", "ignore"))


@attack(
    goal="The memory of another process is read by a system call.",
    stopped_by=CONFINEMENT,
    won=finds_the_secret,
    impossible=strangers_are_not_traced,
)
def reads_memory_by_a_call():
    import ctypes

    class Part(ctypes.Structure):
        _fields_ = (("start", ctypes.c_void_p), ("size", ctypes.c_size_t))

    libc = ctypes.CDLL(None, use_errno=True)
    page = ctypes.create_string_buffer(world.stack[1])
    ours = Part(ctypes.addressof(page), world.stack[1])
    theirs = Part(*world.stack)
    libc.process_vm_readv(world.victim, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
    print(page.raw.decode("ascii", "ignore"))


@attack(
    goal="Another process is traced, and so controlled.",
    stopped_by=CONFINEMENT,
    won=GOT,
    impossible=strangers_are_not_traced,
)
def traces_a_process():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    seize = 0x4206
    if libc.ptrace(seize, world.victim, None, None) == 0:
        print("got it")


@attack(
    goal="A descriptor of another process is taken over.",
    stopped_by=CONFINEMENT,
    won=GOT,
    impossible=strangers_are_not_traced,
)
def takes_a_descriptor():
    import ctypes
    import os

    libc = ctypes.CDLL(None, use_errno=True)
    pidfd_getfd = 438
    process = os.pidfd_open(world.victim)
    if libc.syscall(pidfd_getfd, process, 1, 0) >= 0:
        print("got it")


@attack(
    goal="Another process is slowed down.",
    stopped_by=CONFINEMENT,
    won=GOT,
)
def slows_a_process_down():
    import os

    os.setpriority(os.PRIO_PROCESS, world.victim, 15)
    print("got it")


@attack(
    goal="Five processes are started by fork.",
    stopped_by=CONFINEMENT,
    won=GOT,
)
def forks():
    import os

    for _ in range(5):
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
    print("got it")


@attack(
    goal="A program of this machine is run.",
    stopped_by=CONFINEMENT,
    won=GOT,
)
def runs_a_program():
    import subprocess

    subprocess.run(["/bin/true"], check=True)
    print("got it")


@attack(
    goal="The worker becomes another program, without the guards that were in it.",
    stopped_by=CONFINEMENT,
    won=GOT,
)
def becomes_another_program():
    import os

    os.execv("/bin/echo", ["echo", "got it"])


@attack(
    goal="A process lives on after its submission was graded.",
    stopped_by=CONFINEMENT,
    won=outlives,
)
def leaves_a_daemon():
    import os
    import time

    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        with open(world.mark, "w") as file:
            file.write(str(os.getpid()))
        os.closerange(0, 64)
        time.sleep(30)
        os._exit(0)
    os.waitpid(child, 0)
    while not os.path.exists(world.mark):
        time.sleep(0.01)


@attack(
    goal="A worker that may have 64 threads starts two hundred.",
    stopped_by=PROCESSES,
    won=GOT,
    limits={"memory_mb": 16384},
)
def starts_many_threads():
    import threading

    release = threading.Event()
    for _ in range(200):
        threading.Thread(target=release.wait, daemon=True).start()
    print("got it", flush=True)
    release.set()


# Memory, disk and the kernel


@attack(
    goal="A worker with 200 MB takes 400 MB in a file that exists in memory only.",
    stopped_by=CONFINEMENT,
    won=GOT,
    limits={"memory_mb": 200, "file_mb": 1024},
)
def fills_a_file_in_memory():
    import os

    file = os.memfd_create("x")
    for _ in range(400):
        os.write(file, bytes(1 << 20))
    print("got it")


@attack(
    goal="A worker with 64 MB of disk writes a hundred.",
    stopped_by=CONFINEMENT,
    won=GOT,
)
def fills_the_disk():
    for number in range(4):
        with open(f"part{number}", "wb") as file:
            for _ in range(25):
                file.write(bytes(1 << 20))
                file.flush()
    print("got it")


@attack(
    goal="Three thousand empty files use up the inodes.",
    stopped_by=CONFINEMENT,
    won=GOT,
)
def fills_the_table_of_files():
    for number in range(3000):
        open(f"file{number}", "w").close()
    print("got it")


@attack(
    goal="Shared memory is left behind that outlives the worker.",
    stopped_by=CONFINEMENT,
    won=GOT,
)
def leaves_shared_memory():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    private, create, remove = 0, 0o1600, 0
    number = libc.shmget(private, ctypes.c_size_t(1 << 20), create)
    if number >= 0:
        libc.shmctl(number, remove, None)
        print("got it")


@attack(
    goal="New namespaces bring back the privileges that were given up.",
    stopped_by=CONFINEMENT,
    won=GOT,
    impossible=namespaces_are_denied,
)
def makes_a_namespace():
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    new_mounts_and_user = 0x00020000 | 0x10000000
    if libc.unshare(new_mounts_and_user) == 0:
        print("got it")
