"""A storage element on loopback: a real XRootD server over a folder, ended with the test."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# xrootd has no option for the address that it listens on
_LOOPBACK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
int bind(int socket, const struct sockaddr *address, socklen_t length) {
    int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
    struct sockaddr_in here;
    if (address->sa_family != AF_INET) return next(socket, address, length);
    memcpy(&here, address, sizeof here);
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return next(socket, (struct sockaddr *)&here, sizeof here);
}
"""
_CONFIGURATION = """
all.role server
all.export /
oss.localroot {data}
all.adminpath {folder}/admin
all.pidpath {folder}/run
xrd.port {port}
xrd.allow host localhost
xrd.allow host 127.0.0.1
xrootd.chksum max 2 adler32
"""


@dataclass(frozen=True)
class StorageElement:
    """A running server: the folder that it serves, and its URL."""

    data: Path
    url: str

    def put(self, source: Path, lfn: str) -> str:
        """Copy a file to it; the URL of the copy."""
        target = self.data / lfn.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        for made in (target, *target.parents[: len(Path(lfn).parts)]):
            if made.is_relative_to(self.data):
                made.chmod(0o755)
        return f"{self.url}{lfn}"


def free_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def storage_element() -> Iterator[StorageElement]:
    """Start a server, and end it."""
    folder = Path(tempfile.mkdtemp(prefix="xrootd-"))  # the server runs as a user who cannot see a test's own folder
    folder.chmod(0o755)
    data, port = folder / "data", free_port()
    for name in ("data", "admin", "run"):
        (folder / name).mkdir(mode=0o755)
    (folder / "loopback.c").write_text(_LOOPBACK)
    shim = folder / "loopback.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", shim, folder / "loopback.c", "-ldl"], check=True)
    (folder / "xrootd.cfg").write_text(_CONFIGURATION.format(data=data, folder=folder, port=port))
    command = ["xrootd", "-I", "v4", "-n", "test", "-c", str(folder / "xrootd.cfg"), "-l", str(folder / "log")]
    if os.getuid() == 0:  # it refuses to be root
        for name in (".", "data", "admin", "run"):
            shutil.chown(folder / name, "xrootd", "xrootd")
        command = ["setpriv", "--reuid=xrootd", "--regid=xrootd", "--clear-groups", *command]
    server = subprocess.Popen(
        command,
        env={**os.environ, "LD_PRELOAD": str(shim)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 30
        while not _listens(port):
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < until, "the server did not start in time"
            time.sleep(0.05)
        yield StorageElement(data, f"root://127.0.0.1:{port}/")
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)
