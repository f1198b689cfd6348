"""What of the file system a worker needs to see: the interpreter, its packages, little else.

Nothing here is found by walking up from our own folder: in a checkout the course's secrets lie
beside it.
"""

from __future__ import annotations

import glob
import os
import sys
import sysconfig

_LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_FILES = ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_CUDA_DEVICES = (
    "/dev/nvidia[0-9]*",
    "/dev/nvidiactl",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
    "/dev/nvidia-caps/*",
    "/dev/dxg",  # the GPU of Windows, in its Linux
)
_CUDA_FILES = (
    "/usr/local/cuda*",
    "/etc/alternatives",
    "/sys/devices/system",
    "/sys/bus/pci",
    "/sys/devices/pci*",
    "/proc/driver/nvidia",
)


def devices(*, cuda: bool) -> list[str]:
    """The devices that a worker may open, for reading and writing."""
    found = [*_DEVICES, *(_globbed(_CUDA_DEVICES) if cuda else ())]
    return [path for path in found if os.path.exists(path)]


def readable(*, cuda: bool) -> list[str]:
    """The folders and files that a worker may read, none inside another.

    Those of the interpreter, of every package that is imported now, and of the shared libraries;
    paths that are links are followed here and made again by `links`.
    """
    paths = [*_LIBRARIES, *_FILES, *_standard_library(), *_site_packages()]
    paths += [path for path in map(_package, list(sys.modules)) if path]
    if cuda:
        paths += [*_globbed(_CUDA_FILES), *os.environ.get("LD_LIBRARY_PATH", "").split(":")]
    real = {os.path.realpath(path) for path in paths if path and os.path.exists(path)}
    real.discard("/")
    return sorted(path for path in real if not any(path.startswith(f"{o}/") for o in real))


def links() -> dict[str, str]:
    """Links on the way to what is readable, and where they lead."""
    found: dict[str, str] = {}
    for path in (*_LIBRARIES, *_FILES, *sys.path):
        part = ""
        for name in path.split("/")[1:] if path.startswith("/") else ():
            part = f"{part}/{name}"
            if os.path.islink(part):
                found[part] = os.path.realpath(part)
                break  # what comes after it is reached through it
    return found


def _standard_library() -> list[str]:
    names = ("stdlib", "platstdlib")
    # Beside it lie the shared libraries that some of its modules load.
    return [*map(sysconfig.get_path, names), os.path.join(sys.base_prefix, "lib")]


def _site_packages() -> list[str]:
    """Folders of installed packages on the path; a checkout on the path is none."""
    names = ("site-packages", "dist-packages", "lib-dynload")
    return [path for path in sys.path if os.path.basename(path) in names or path.endswith(".zip")]


def _package(name: str) -> str:
    """The folder of an imported top-level package, or the file of such a module."""
    if "." in name:
        return ""
    file = getattr(sys.modules[name], "__file__", None)
    if not isinstance(file, str) or name == "__main__":
        return ""
    return os.path.dirname(file) if os.path.basename(file).startswith("__init__.") else file


def _globbed(patterns: tuple[str, ...]) -> list[str]:
    return [path for pattern in patterns for path in sorted(glob.glob(pattern))]
