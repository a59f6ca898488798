"""``catalogue.json``, which may come from anywhere."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2grid.catalogue import Catalogue
from b2grid.catalogue.contents import MOST_BYTES, NAME, Contents, Part
from b2grid.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

SUM = "0123456789abcdef" * 4
PART = {"file": Part.named("files", SUM), "rows": 3, "bytes": 99, "sha256": SUM}
TABLES = ("files", "runs", "collections", "datasets", "skims")


def no_tables() -> dict[str, list[object]]:
    return {table: [] for table in TABLES}


def text(part: object = PART, **changed: object) -> bytes:
    stated = {"format": 2, "name": "ours", "tables": no_tables() | {"files": [part]}}
    return json.dumps(stated | changed).encode()


def test_contents_print_back_the_same() -> None:
    contents = Contents.parse(text(), "here")
    assert contents.tables["files"] == (Part(**PART),)  # type: ignore[arg-type]
    assert contents.rows == dict.fromkeys(TABLES, 0) | {"files": 3}
    assert Contents.parse(contents.to_json(), "here") == contents


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\x00\xff",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"format": 2}',
        b'{"format": "2"}',
        b'{"format": true}',
        b'{"format": 2, "tables": 7}',
        b'{"format": ' + b"9" * 5000 + b"}",
        text()[:-20],
        text(tables={table: {} for table in TABLES}),
        text(tables={"files": []}),
        text(name=["x"]),
        text(name="x" * 1000),
        text("files/x.parquet"),
        text(None),
        *(
            text(PART | changed)
            for changed in (
                {"file": "../../secret"},
                {"file": "/etc/passwd"},
                {"file": f"files/../{SUM[:32]}.parquet"},
                {"file": Part.named("runs", SUM)},
                {"file": None},
                {"rows": -1},
                {"rows": 2.5},
                {"rows": True},
                {"bytes": "99"},
                {"bytes": 10**30},
                {"sha256": SUM.upper()},
                {"sha256": SUM + "\n"},
                {"sha256": 7},
            )
        ),
        text(tables=no_tables() | {"files": [PART, PART]}),
        text({"rows": 1}),
        b" " * (MOST_BYTES + 1),
    ],
)
def test_what_cannot_be_is_one_clear_message(hostile: bytes, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(hostile)
    with pytest.raises(
        InvalidInput, match=r"catalogue\.json of the catalogue .* is damaged: .* - copy it again"
    ) as caught:
        Catalogue(tmp_path)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(("number", "said"), [(3, "install a newer b2grid"), (1, "no longer read")])
def test_another_format_is_refused_with_both_numbers(number: int, said: str, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(text(format=number, tables="unknown yet"))
    with pytest.raises(InvalidInput, match=f"has format {number}.*{said}"):
        Catalogue(tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PART, *TABLES]), inner, max_size=5),
    max_leaves=12,
)


@given(JSON, JSON)
def test_nothing_that_is_stated_ends_in_a_traceback(tables: Any, part: Any) -> None:
    for given_text in (text(tables=tables), text(part)):
        with suppress(InvalidInput):
            contents = Contents.parse(given_text, "here")
            assert {part.file.split("/")[0] for part in contents.parts} <= set(TABLES)
