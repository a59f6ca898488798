"""A catalogue on a web server: a real one, on this machine."""

from __future__ import annotations

import hashlib
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from b2grid.catalogue import Catalogue, add_to_catalogue, check_catalogue, write_catalogue
from b2grid.catalogue.contents import NAME
from b2grid.catalogue.copying import copied
from b2grid.errors import InvalidInput, SiteUnavailable
from tests.catalogue.conftest import HADRON, file
from tests.catalogue.test_model import content

Answering = Callable[[BaseHTTPRequestHandler, bytes], None]


@dataclass
class Site:
    """A web server that has a folder, and can be told to misbehave for some of it."""

    folder: Path
    asked: list[tuple[str, int]] = field(default_factory=list)
    wrong: dict[str, Answering] = field(default_factory=dict)
    url: str = ""

    def paths(self) -> list[str]:
        return [path.split("/")[2] for path, _ in self.asked]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        name = request.path.partition("?")[0].removeprefix("/cat/")
        path = self.folder / name
        body = path.read_bytes() if path.is_file() else b""
        for ending, answering in list(self.wrong.items()):
            if name.endswith(ending):
                self.asked.append((request.path, -1))
                answering(request, body)
                return
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        status = 404 if not path.is_file() else 304 if request.headers["If-None-Match"] == etag else 200
        self.asked.append((request.path, status))
        send(request, status, body if status == 200 else b"", {"ETag": etag})


def send(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    request.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    site = Site(folder)

    class Asked(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Asked)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}/cat"
    yield site
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("B2GRID_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def of_catalogue(folder: Path) -> dict[str, bytes]:
    return {name: body for name, body in content(folder).items() if name != "source.json"}


def test_a_catalogue_at_an_address_is_copied_and_asked(site: Site, home: Path) -> None:
    catalogue = Catalogue(site.url)
    assert catalogue.path.is_relative_to(home / "cache" / "catalogues")
    assert of_catalogue(catalogue.path) == content(site.folder)
    assert len(catalogue.search(campaign="proc13")) == 1
    assert catalogue.files(datasets=[HADRON])["pfn"][0].as_py() == (
        site.url.removesuffix("/cat") + f"/data/{HADRON.replace('/', '_')}_sub00_mdst_000001.root"
    )
    assert site.url in str(catalogue)
    assert not len(catalogue.report)
    assert check_catalogue(catalogue.path).ok


def test_a_name_and_password_are_told_the_server_and_nobody_that_it_sends_on_to(site: Site) -> None:
    told: list[str | None] = []

    def elsewhere(request: BaseHTTPRequestHandler, body: bytes) -> None:
        told.append(request.headers["Authorization"])
        if request.path.endswith(NAME):
            send(request, 302, b"", {"Location": "moved"})
        else:
            send(request, 200, (site.folder / NAME).read_bytes())

    site.wrong |= {NAME: elsewhere, "moved": elsewhere}
    catalogue = Catalogue(site.url.replace("://", "://ana:p%40ss@"))
    assert told == ["Basic YW5hOnBAc3M=", None]
    assert "ana" not in repr(catalogue)
    assert len(pickle.loads(pickle.dumps(catalogue)).search(campaign="proc13")) == 1


def test_what_did_not_change_costs_one_question(site: Site) -> None:
    first = Catalogue(site.url)
    site.asked.clear()
    for url in (site.url, f"{site.url}/", f"{site.url}/{NAME}"):
        assert Catalogue(url).path == first.path
    assert site.asked == [(f"/cat/{NAME}", 304)] * 3


def test_of_what_changed_only_that_is_fetched(site: Site) -> None:
    first = Catalogue(site.url)
    add_to_catalogue(site.folder, runs=[{"experiment": 7, "run": 1, "good": True}])
    site.asked.clear()
    assert "4 runs" in str(Catalogue(site.url))
    assert site.paths() == [NAME, "runs"]
    assert len(first.files(datasets=[HADRON])) == 2


def test_parts_that_are_no_longer_named_go_when_nobody_can_use_them(site: Site) -> None:
    folder = Catalogue(site.url).path
    write_catalogue(site.folder, [file(HADRON, 5, [(18, 100, 1)])])
    Catalogue(site.url)
    assert len(list(folder.glob("files/*.parquet"))) == 2
    for path in folder.glob("*/*"):
        os.utime(path, (time.time() - 7200,) * 2)
    Catalogue(site.url)
    assert of_catalogue(folder) == content(site.folder)


def test_without_the_server_the_copy_is_used_and_that_is_said(site: Site) -> None:
    Catalogue(site.url)
    site.wrong[NAME] = lambda request, body: send(request, 503, b"")
    catalogue = Catalogue(site.url)
    assert "9 files" in str(catalogue)
    assert [finding.code for finding in catalogue.report] == ["B2C009"]
    for shown in (str(catalogue), catalogue._repr_html_()):
        assert "which may be out of date" in shown
        assert "HTTP status 503" in shown


def stall(request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body[:20])
    request.wfile.flush()
    time.sleep(1.5)


def cut_short(request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body[:-20])
    request.close_connection = True


def garbage(request: BaseHTTPRequestHandler, body: bytes) -> None:
    request.wfile.write(os.urandom(3000))
    request.close_connection = True


def sent_on(url: str) -> Answering:
    return lambda request, body: send(request, 302, b"", {"Location": url})


def bytes_of(change: Callable[[bytes], bytes]) -> Answering:
    return lambda request, body: send(request, 200, change(body))


WRONG = {
    "down": (lambda request, body: send(request, 500, b""), "HTTP status 500"),
    "slow": (stall, "no answer for 0.3 s"),
    "cut short": (cut_short, "broke off after"),
    "garbage": (garbage, "cannot be copied: "),
    "to a file": (sent_on("file:///etc/passwd"), "is not allowed"),
    "to ftp": (sent_on("ftp://127.0.0.1/x"), "sends on to ftp://"),
    "in a circle": (lambda request, body: send(request, 302, b"", {"Location": request.path}), "infinite loop"),
}


@pytest.mark.parametrize("where", [NAME, ".parquet"])
@pytest.mark.parametrize("what", WRONG)
def test_whatever_a_server_does_is_one_clear_message_or_the_copy(site: Site, home: Path, where: str, what: str) -> None:
    answering, said = WRONG[what]
    before = copied(site.url, home / "whole")[0]
    write_catalogue(site.folder, [file(HADRON, 5, [(18, 100, 1)])])
    site.wrong[where] = answering
    with pytest.raises(SiteUnavailable, match=rf"{site.url} cannot be copied: .*try again later, or") as caught:
        copied(site.url, home / "none", patience=0.3)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    kept, findings = copied(site.url, home / "whole", patience=0.3)
    assert kept == before
    assert said in findings[0].message
    assert "9 files" in str(Catalogue(kept))
    assert not list(home.rglob("*.draft"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda body: bytes(len(body)), "has another checksum"),
        (lambda body: body + b"x", "is larger than"),
        (lambda body: body[:-1], "broke off"),
        (lambda body: b"", "broke off"),
    ],
)
def test_a_part_with_other_bytes_is_not_kept(
    site: Site, home: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    site.wrong[".parquet"] = bytes_of(change)
    with pytest.raises(SiteUnavailable, match=said):
        Catalogue(site.url)
    assert not list(home.rglob("*.parquet"))
    site.wrong.clear()
    assert "9 files" in str(Catalogue(site.url))


def test_what_was_fetched_before_it_broke_off_stays(site: Site) -> None:
    (last,) = site.folder.glob("datasets/*")
    site.wrong[last.name] = cut_short
    with pytest.raises(SiteUnavailable, match="datasets/"):
        Catalogue(site.url)
    site.wrong.clear()
    site.asked.clear()
    Catalogue(site.url)
    assert site.paths() == [NAME, "datasets"]


@pytest.mark.parametrize("body", [b"<html>log in</html>", b'{"format": 9}', b"", b'{"format": 2, "tables": {}}'])
def test_what_is_no_catalogue_is_refused_or_the_copy_is_used(site: Site, home: Path, body: bytes) -> None:
    copied(site.url, home / "whole")
    site.wrong[NAME] = bytes_of(lambda _: body)
    with pytest.raises(InvalidInput, match=f"catalogue {site.url} (is damaged|has format 9)"):
        Catalogue(site.url)
    assert len(copied(site.url, home / "whole")[1]) == 1


def test_where_there_is_no_catalogue_the_address_is_to_be_checked(site: Site) -> None:
    with pytest.raises(InvalidInput, match=r"no catalogue at http.*/other: HTTP status 404 .* - check the address"):
        Catalogue(site.url.replace("/cat", "/other"))
    for url in ("http://127.0.0.1:9/cat", "http://127.0.0.1:99999/cat", "http:///cat", "http://127.0.0.1:9/a b"):
        with pytest.raises(SiteUnavailable, match="cannot be copied: "):
            Catalogue(url)
    with pytest.raises(InvalidInput, match="no address of a catalogue"):
        Catalogue("http://[cat")


def test_a_catalogue_that_is_replaced_while_it_is_copied_is_asked_again(site: Site, home: Path) -> None:
    old = (site.folder / NAME).read_bytes()
    write_catalogue(site.folder, [file(HADRON, 5, [(18, 100, 1)])])

    def once(request: BaseHTTPRequestHandler, body: bytes) -> None:
        del site.wrong[NAME]
        send(request, 200, old)

    site.wrong[NAME] = once
    assert "1 files" in str(Catalogue(site.url))
    next(site.folder.glob("files/*")).unlink()
    with pytest.raises(SiteUnavailable, match=r"a part that catalogue\.json names is not there"):
        copied(site.url, home / "other")


def test_a_copy_that_lost_a_part_is_mended(site: Site) -> None:
    folder = Catalogue(site.url).path
    shutil.rmtree(folder / "files")
    (folder / "source.json").write_text("{")
    assert len(Catalogue(site.url).files(datasets=[HADRON])) == 2


def test_processes_that_copy_at_the_same_time_do_no_harm(site: Site, home: Path) -> None:
    code = "import sys; from b2grid.catalogue import Catalogue; print(Catalogue(sys.argv[1]))"
    started = [
        subprocess.Popen([sys.executable, "-c", code, site.url], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    said = [process.communicate()[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert all("9 files" in text for text in said)
    (folder,) = (home / "cache" / "catalogues").iterdir()
    assert of_catalogue(folder) == content(site.folder)


def test_secrets_in_an_address_are_not_shown(site: Site) -> None:
    site.wrong[NAME] = lambda request, body: send(request, 403, b"")
    with pytest.raises(SiteUnavailable) as caught:
        Catalogue(f"{site.url}?token=hushhush")
    assert "hushhush" not in str(caught.value)
    site.wrong.clear()
    site.asked.clear()
    catalogue = Catalogue(f"{site.url}?token=hushhush")
    assert all(path.endswith("?token=hushhush") for path, _ in site.asked)
    assert "hushhush" not in str(catalogue) + catalogue._repr_html_() + repr(catalogue) + str(catalogue.path)
