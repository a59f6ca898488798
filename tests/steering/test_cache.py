"""Files from elsewhere: whole and checked or not there, from whichever replica works, within a limit, shared."""

from __future__ import annotations

import os
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from b2grid.errors import InvalidInput, SiteError, SiteUnavailable
from b2grid.steering.trying.cache import Cache
from b2grid.steering.trying.replicas import Replicas, _fsspec

CONTENT = b"root" + struct.pack(">III", 62800, 100, 200_000) + os.urandom(199_984)  # its header says how long it is
SUM = f"{zlib.adler32(CONTENT):08x}"
LFN = "/belle/MC/x/sub00/mdst_1.root"


class Answers(BaseHTTPRequestHandler):
    """A storage element on a bad day: the first part of the path says how it behaves."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str | None]]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        kind = self.path.split("/")[1]
        wanted = self.headers.get("Range")
        self.asked.append((kind, wanted))
        if kind == "missing":
            self.send_error(404)
            return
        if kind == "mute":
            time.sleep(3)
            return
        others = {"page": b"<!DOCTYPE html>", "wrong": CONTENT[::-1], "longer": CONTENT * 2, "short": CONTENT[:5000]}
        body = {**others, "empty": b""}.get(kind, CONTENT)
        start = int(wanted[6:-1]) if wanted and kind != "norange" else 0
        self.send_response(206 if start else 200)
        if kind == "endless":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self._send(kind, body[start:], whole=len(body))

    def _send(self, kind: str, body: bytes, *, whole: int) -> None:
        cut = {"cut", "norange", "once"}
        if kind in cut and not (kind == "once" and len(body) < whole):
            body = body[: whole // 2]
            self.close_connection = True
        if kind == "stalls":
            self.wfile.write(body[:1000])
            self.wfile.flush()
            time.sleep(3)
            return
        if kind == "drips":
            for byte in body[:30]:
                self.wfile.write(bytes([byte]))
                time.sleep(0.1)
            return
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


@pytest.fixture
def asked() -> list[tuple[str, str | None]]:
    """What the server was asked for: how it behaves there, and from which byte on."""
    return []


@pytest.fixture
def url(asked: list[tuple[str, str | None]]) -> Iterator[Callable[[str], str]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (Answers,), {"asked": asked}))
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # type: ignore[method-assign]  # the client left
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield lambda kind: f"http://127.0.0.1:{server.server_address[1]}/{kind}/mdst_1.root"
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache([tmp_path / "cache"], 10**9, patience=0.5)


def replicas(*urls: str, **more: Any) -> Replicas:
    return Replicas(LFN, urls, **({"bytes": len(CONTENT), "adler32": SUM} | more))


def files_of(cache: Cache) -> list[Path]:
    """Every file in the first folder of the cache but the checksums."""
    return [path for path in cache.folders[0].rglob("*") if path.is_file() and path.name != "adler32"]


def test_a_file_is_fetched_once(cache: Cache, url: Any, asked: list[Any]) -> None:
    told: list[tuple[int, int | None]] = []
    first = cache.get(replicas(url("good")), lambda done, total: told.append((done, total)))
    assert first.path.read_bytes() == CONTENT
    assert first.path.name == "mdst_1.root"
    assert first.notes == (f"fetched from {url('good')}",)
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert cache.get(replicas(url("good"))) == type(first)(first.path)
    assert asked == [("good", None)]
    assert first.path.stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize("known", [{}, {"adler32": None}, {"adler32": None, "bytes": None}, {"bytes": None}])
def test_what_is_not_known_of_a_file_is_not_needed(cache: Cache, url: Any, asked: list[Any], known: Any) -> None:
    assert cache.get(replicas(url("good"), **known)).path.read_bytes() == CONTENT
    assert cache.get(replicas(url("good"), **known)).notes == ()
    assert len(asked) == 1


def test_a_connection_that_breaks_off_is_taken_up_where_it_ended(cache: Cache, url: Any, asked: list[Any]) -> None:
    assert cache.get(replicas(url("once"))).path.read_bytes() == CONTENT
    assert asked == [("once", None), ("once", f"bytes={len(CONTENT) // 2}-")]


def test_one_replica_goes_on_where_another_broke_off_if_there_is_a_checksum(
    cache: Cache, url: Any, asked: list[Any]
) -> None:
    assert cache.get(replicas(url("norange"), url("good"))).path.read_bytes() == CONTENT
    assert asked == [("norange", None), ("good", f"bytes={len(CONTENT) // 2}-")]
    asked.clear()
    assert cache.get(replicas(url("norange"), url("good"), adler32=None)).path.read_bytes() == CONTENT
    assert asked == [("norange", None), ("good", None)]


@pytest.mark.parametrize("kind", ["missing", "mute", "stalls", "drips", "wrong", "longer", "empty", "norange"])
def test_a_replica_that_does_not_work_gives_way_to_the_next(cache: Cache, url: Any, kind: str) -> None:
    held = cache.get(replicas(url(kind), url("good")))
    assert held.path.read_bytes() == CONTENT
    assert url("good") in held.notes[0]


def test_when_all_are_down_each_is_named_with_its_reason(cache: Cache, url: Any) -> None:
    places = [url(kind) for kind in ("missing", "wrong", "mute", "norange", "longer")]
    places += ["http://127.0.0.1:1/x.root", "srm://se.example/x.root", "http://ana:secret@127.0.0.1:1/y?authz=secret"]
    with pytest.raises(SiteUnavailable) as caught:
        cache.get(replicas(*places))
    said = caught.value.message
    assert caught.value.transient
    assert said.startswith(f"none of the 8 replicas of {LFN} can be read: ")
    for words in (
        f"{url('missing')}: HTTP status 404",
        f"{url('wrong')}: has other content: adler32 ",
        f"{url('mute')}: no answer for 0.5 s",
        f"{url('norange')}: broke off after 100000 of 200000 bytes",
        f"{url('longer')}: has 400000 bytes, not 200000 as expected",
        "http://127.0.0.1:1/x.root: Connection refused",
        "srm://se.example/x.root: srm:// is not read",
        "http://127.0.0.1:1/y: ",
    ):
        assert words in said
    assert "secret" not in said
    assert {path.parent.name for path in files_of(cache)} <= {"parts"}


def test_without_size_and_checksum_an_answer_must_be_whole_and_a_root_file(cache: Cache, url: Any) -> None:
    nothing = {"bytes": None, "adler32": None}
    with pytest.raises(SiteUnavailable, match="is not a ROOT file: it begins with b'<!DOCTYP'"):
        cache.get(replicas(url("page"), **nothing))
    with pytest.raises(SiteUnavailable, match=r"cannot be read: .*short.*: is truncated: 5000 bytes of 200000"):
        cache.get(replicas(url("short"), **nothing))
    assert files_of(cache) == []  # else it would be there for good
    with pytest.raises(SiteUnavailable, match="does not say how large the file is"):
        cache.get(replicas(url("endless"), **nothing))
    assert cache.get(replicas(url("endless"), bytes=None)).path.read_bytes() == CONTENT
    assert len(files_of(cache)) == 1


def test_xrootd_is_an_extra_that_is_named(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XRootD", "fsspec_xrootd"):
        monkeypatch.setitem(sys.modules, name, None)  # as where it is not installed
    with pytest.raises(SiteUnavailable, match=r"pip install 'b2grid\[xrootd\]'"):
        cache.get(replicas("root://127.0.0.1:1//x.root"))


def test_what_fsspec_opens_is_read_from_any_byte_on() -> None:
    import fsspec

    with fsspec.open("memory://mdst.root", "wb") as file:
        file.write(CONTENT)
    with _fsspec("memory://mdst.root", 150_000) as remote:
        assert (remote.start, remote.total) == (150_000, len(CONTENT))
        assert b"".join(remote.chunks) == CONTENT[150_000:]


@pytest.mark.parametrize("damage", ["flipped", "cut short", "without its checksum", "gone"])
@pytest.mark.parametrize("known", [{}, {"adler32": None}])
def test_a_damaged_file_is_noticed_and_fetched_again(cache: Cache, url: Any, damage: str, known: Any) -> None:
    path = cache.get(replicas(url("good"), **known)).path
    if damage == "flipped":
        path.write_bytes(bytes([CONTENT[0] ^ 1]) + CONTENT[1:])
    elif damage == "cut short":
        path.write_bytes(CONTENT[:-1])
    elif damage == "without its checksum":
        (path.parent / "adler32").unlink()
    else:
        path.unlink()
    held = cache.get(replicas(url("good"), **known))
    assert held.path.read_bytes() == CONTENT
    assert "was damaged, and it was fetched again" in held.notes[0]
    assert files_of(cache) == [held.path]


@pytest.mark.parametrize(("adler32", "resumed"), [(SUM, True), (None, False)], ids=["with a checksum", "without"])
def test_an_interrupted_fetch_is_never_used_and_goes_on_only_if_it_can_be_checked(
    cache: Cache, url: Any, asked: list[Any], adler32: str | None, resumed: bool
) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    file = replicas(url("once"), adler32=adler32)
    with pytest.raises(KeyboardInterrupt):
        cache.get(file, interrupt)
    left = {path.parent.name: path.stat().st_size for path in files_of(cache)}
    assert list(left) == ["parts"] * resumed
    assert cache.get(file).path.read_bytes() == CONTENT
    assert asked[:2] == [("once", None), ("once", f"bytes={left['parts']}-" if resumed else None)]
    assert len(files_of(cache)) == 1


def test_a_part_that_does_not_belong_is_seen_by_its_checksum(cache: Cache, url: Any) -> None:
    path = cache.get(replicas(url("good"))).path
    (cache.folders[0] / "parts" / path.parent.name).write_bytes(b"something else")
    path.unlink()
    assert cache.get(replicas(url("good"))).path.read_bytes() == CONTENT


def test_several_that_want_the_same_file_at_once_all_get_it(cache: Cache, url: Any, asked: list[Any]) -> None:
    found: list[bytes] = []
    start = threading.Barrier(4)

    def fetch() -> None:
        own = Cache(cache.folders, cache.limit)
        start.wait()
        found.append(own.get(replicas(url("once"))).path.read_bytes())

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [CONTENT] * 4
    assert len(files_of(cache)) == 1


def test_the_files_that_were_not_used_for_longest_make_room(tmp_path: Path, url: Any) -> None:
    clock = time.time() + 10 * 3600
    cache = Cache([tmp_path], int(2.5 * len(CONTENT)), clock=lambda: clock)

    def got(number: int) -> Path:
        return cache.get(Replicas(f"/belle/{number}.root", (url("good"),), len(CONTENT), SUM)).path

    paths = [got(number) for number in range(2)]
    for number, path in enumerate(paths):
        os.utime(path.parent, (1000 + number, 1000 + number))
    got(0)  # used again: now it is the other that is oldest
    paths.append(got(2))
    assert [path.exists() for path in paths] == [True, False, True]
    clock = time.time()  # all were used within the last hour: none is taken away from whoever reads it now
    paths.append(got(3))
    assert [path.exists() for path in paths] == [True, False, True, True]
    old = tmp_path / "parts" / "abandoned"
    old.write_bytes(b"x")
    os.utime(old, (1000, 1000))
    got(4)
    assert not old.exists()


def test_a_cache_that_cannot_be_written_falls_back_and_says_so(tmp_path: Path, url: Any) -> None:
    (tmp_path / "file").write_text("in the way")
    blocked, own = tmp_path / "file" / "cache", tmp_path / "own"
    held = Cache([blocked, own], 10**9).get(replicas(url("good")))
    assert held.path.is_relative_to(own)
    assert held.notes[0] == f"kept in {own}, as {blocked} cannot be written: Not a directory"
    with pytest.raises(SiteError, match="cannot be written: Not a directory") as caught:
        Cache([blocked], 10**9).get(replicas(url("good")))
    assert "B2GRID_TRIAL_CACHE" in caught.value.hint


def test_a_cache_of_a_group_is_used_by_who_may_only_read_it_and_stays_writable_for_it(tmp_path: Path, url: Any) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2775)
    path = Cache([shared], 10**9).get(replicas(url("good"))).path
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o775, 0o664)
    assert (shared / "parts").stat().st_mode & 0o777 == 0o775
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    assert Cache([private], 10**9).get(replicas(url("good"))).path.stat().st_mode & 0o777 == 0o600
    assert Cache([shared, private], 10**9).get(replicas(url("missing"))).path == path


def test_a_file_on_this_machine_is_used_in_its_place(tmp_path: Path, cache: Cache, url: Any, asked: list[Any]) -> None:
    here = tmp_path / "a file.root"
    here.write_bytes(CONTENT)
    for places in ([str(here)], [f"file://{tmp_path}/a%20file.root"], [url("good"), str(here)]):
        assert cache.get(Replicas(LFN, tuple(places))).path == here
    assert asked == []
    assert cache.get(replicas(str(tmp_path / "gone.root"), url("good"))).path.read_bytes() == CONTENT
    with pytest.raises(InvalidInput, match=r"no file .*gone\.root"):
        cache.get(replicas(str(tmp_path / "gone.root")))


def test_the_environment_names_folder_and_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("B2GRID_TRIAL_CACHE", raising=False)
    assert Cache.default().folders == (tmp_path / "b2grid" / "trial",)
    monkeypatch.setenv("B2GRID_TRIAL_CACHE", str(tmp_path / "shared"))
    monkeypatch.setenv("B2GRID_TRIAL_CACHE_SIZE", "3 GB")
    made = Cache.default()
    assert made.folders == (tmp_path / "shared", tmp_path / "b2grid" / "trial")
    assert made.limit == 3 * 1024**3
    for wrong in ("lots", "-1", "5 EB", "1e9"):
        monkeypatch.setenv("B2GRID_TRIAL_CACHE_SIZE", wrong)
        with pytest.raises(InvalidInput, match="B2GRID_TRIAL_CACHE_SIZE"):
            Cache.default()


def test_a_name_from_outside_stays_in_the_cache_and_has_no_wildcards(cache: Cache, url: Any) -> None:
    for name in ("/belle/../../*?[x]{a,b}.root", "https://se.example/", "..", "-n.root", "é" * 300):
        path = cache.get(Replicas(name, (url("good"),))).path
        assert path.parent.parent == cache.folders[0]
        assert path.read_bytes() == CONTENT
        assert not set(path.name) & set("*?[]{}")
        assert path.name[0] not in ".-"
