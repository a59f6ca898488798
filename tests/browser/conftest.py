"""A real JupyterLab with folders of its own, and a real Chromium."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: where it is, and the folder it serves."""

    url: str
    token: str
    root: Path

    def notebook(self, name: str) -> str:
        """The address of one notebook, alone on the page and without a saved layout."""
        return f"{self.url}/doc/tree/{name}?token={self.token}&reset"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Start JupyterLab on loopback; its kernels run this Python."""
    root = tmp_path / "notebooks"
    root.mkdir()
    started = Lab(f"http://127.0.0.1:{_free_port()}", secrets.token_hex(16), root)
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--ip=127.0.0.1",
        "--allow-root",
        f"--port={started.url.rsplit(':', 1)[1]}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={started.token}",
        f"--ServerApp.root_dir={root}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    with (tmp_path / "jupyter.log").open("w") as log:
        server = subprocess.Popen(command, env=_environment(tmp_path), stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for(started, server, tmp_path / "jupyter.log")
            yield started
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:  # a machine under load: the kernels end with their server
                server.kill()
                server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _environment(folder: Path) -> dict[str, str]:
    """Nothing of the user's own: configuration, kernels, workspaces and settings are the test's."""
    names = (
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_DATA_DIR",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTERLAB_WORKSPACES_DIR",
        "JUPYTERLAB_SETTINGS_DIR",
        "IPYTHONDIR",
    )
    places = {name: str(folder / name.lower()) for name in names}
    settings = folder / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    # the question about news would cover a corner of the page
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True})
    )
    return {**os.environ, **places}


def _wait_for(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert server.poll() is None, f"JupyterLab ended: {log.read_text()[-2000:]}"
        try:
            with urllib.request.urlopen(f"{lab.url}/api/status?token={lab.token}", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not answer: {log.read_text()[-2000:]}")


@pytest.fixture
def errors() -> list[str]:
    """What the browser's console complains about."""
    return []


@pytest.fixture
def page(errors: list[str]) -> Iterator[Page]:
    """Open a page in the system's Chromium."""
    from playwright.sync_api import sync_playwright

    program = next(found for name in _PROGRAMS if (found := shutil.which(name)))
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=program, headless=True, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1240, "height": 1000})
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        browser.close()
