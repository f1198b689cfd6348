"""The numbers of the system calls that the seccomp filter names.

A line holds calls with their numbers on x86_64 and aarch64, ``-`` where an architecture has no such
call. Source: the kernel's ``arch/x86/entry/syscalls/syscall_64.tbl`` and
``include/uapi/asm-generic/unistd.h``.
"""

from __future__ import annotations

# What a computation in one process does: it reads and writes what is open, looks at files, waits,
# handles signals of its own, tells the time, runs threads.
_ALWAYS = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69,
pwritev 296 70, preadv2 327 286, pwritev2 328 287, close 3 57, close_range 436 436, lseek 8 62,
dup 32 23, dup2 33 -, dup3 292 24, pipe 22 -, pipe2 293 59, sendfile 40 71,
copy_file_range 326 285,
stat 4 -, fstat 5 80, lstat 6 -, newfstatat 262 79, statx 332 291, statfs 137 43, fstatfs 138 44,
access 21 -, faccessat 269 48, faccessat2 439 439, readlink 89 -, readlinkat 267 78, getcwd 79 17,
chdir 80 49, fchdir 81 50, getdents64 217 61, umask 95 166, flock 73 32, fsync 74 82,
fdatasync 75 83, ftruncate 77 46, fallocate 285 47,
poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72, epoll_create 213 -, epoll_create1 291 20,
epoll_ctl 233 21, epoll_wait 232 -, epoll_pwait 281 22, epoll_pwait2 441 441, eventfd 284 -,
eventfd2 290 19,
recvfrom 45 207, recvmsg 47 212, sendmsg 46 211, shutdown 48 210, getsockname 51 204,
getpeername 52 205, getsockopt 55 209,
mprotect 10 226, munmap 11 215, mremap 25 216, madvise 28 233, brk 12 214, msync 26 227,
mincore 27 232, membarrier 324 283, get_mempolicy 239 236, arch_prctl 158 -,
rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136,
rt_sigsuspend 130 133, rt_sigtimedwait 128 137, sigaltstack 131 132, pause 34 -, alarm 37 -,
getitimer 36 102, setitimer 38 103,
nanosleep 35 101, clock_nanosleep 230 115, clock_gettime 228 113, clock_getres 229 114,
gettimeofday 96 169, time 201 -, times 100 153, restart_syscall 219 128,
getpid 39 172, gettid 186 178, getppid 110 173, getpgrp 111 -, getpgid 121 155, getsid 124 156,
getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177, getresuid 118 148,
getresgid 120 150, getgroups 115 158, capget 125 90, getrusage 98 165, getrlimit 97 163,
sysinfo 99 179, uname 63 160, getrandom 318 278, getpriority 140 141, getcpu 309 168,
sched_yield 24 124, sched_getaffinity 204 123, sched_getparam 143 121, sched_getscheduler 145 120,
sched_get_priority_max 146 125, sched_get_priority_min 147 126, sched_rr_get_interval 148 127,
futex 202 98, futex_waitv 449 449, set_robust_list 273 99, get_robust_list 274 100,
set_tid_address 218 96, rseq 334 293, exit 60 93, exit_group 231 94, wait4 61 260, waitid 247 95
"""

# Changing names, modes and times of files: only where all that is writable is a private /tmp.
_WRITING = """
truncate 76 45, rename 82 -, renameat 264 38, renameat2 316 276, mkdir 83 -, mkdirat 258 34,
rmdir 84 -, unlink 87 -, unlinkat 263 35, link 86 -, linkat 265 37, symlink 88 -, symlinkat 266 36,
chmod 90 -, fchmod 91 52, fchmodat 268 53, utime 132 -, utimes 235 -, futimesat 261 -,
utimensat 280 88
"""

# What the driver of a GPU does besides.
_CUDA = """
memfd_create 319 279, mlock 149 228, mlock2 325 284, munlock 150 229, mbind 237 235,
set_mempolicy 238 237
"""

# Allowed with some arguments only; the filter has a rule for each.
_BY_ARGUMENTS = """
open 2 -, openat 257 56, clone 56 220, clone3 435 435, openat2 437 437, mmap 9 222, fcntl 72 25,
ioctl 16 29, socketpair 53 199, sendto 44 206, kill 62 129, tgkill 234 131, prctl 157 167,
prlimit64 302 261, sched_setaffinity 203 122,
listxattr 194 11, llistxattr 195 12, flistxattr 196 13, getxattr 191 8, lgetxattr 192 9,
fgetxattr 193 10
"""


def numbers(group: str, architecture: str) -> dict[str, int]:
    """The numbers of one group of calls on one architecture.

    Args:
        group: ``"always"``, ``"writing"``, ``"cuda"`` or ``"by arguments"``.
        architecture: ``"x86_64"`` or ``"aarch64"``.
    """
    column = {"x86_64": 1, "aarch64": 2}[architecture]
    rows = [entry.split() for entry in _GROUPS[group].split(",")]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


_GROUPS = {
    "always": _ALWAYS,
    "writing": _WRITING,
    "cuda": _CUDA,
    "by arguments": _BY_ARGUMENTS,
}
