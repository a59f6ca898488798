"""Turn interface facts into package data: ``python -m b2grid.steering.facts.build FOLDER``.

FOLDER has ``basf2_api.json``, ``basf2_modules.json`` and ``basf2_variables.json``: functions with parameters
and variables for several points of basf2's history, C++ modules and basf2's own names for the latest. They are
facts about an interface, read from basf2 (LGPL-3.0); no text of basf2 is in them. The table of skims goes to
`b2grid.names`, because catalogues have skims too.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["build"]

HERE = Path(__file__).parent
NAMES = HERE.parents[1] / "names"


def build(folder: Path, target: Path = HERE, names: Path = NAMES) -> list[Path]:
    """Write one compressed file per release, one of modules, names and collections, one of groups; and skims."""
    api, modules, variables = (
        json.loads((folder / f"basf2_{what}.json").read_text()) for what in ("api", "modules", "variables")
    )
    written = []
    for release, facts in api["releases"].items():
        named = variables["releases"][release]["variables"]
        content = {
            "date": facts["date"],
            "functions": facts["modules"],
            "variables": {name: [_form(entry) for entry in entries] for name, entries in named.items()},
        }
        written.append(_write(target / f"{release}.json.gz", content))
    content = {
        "modules": {name: facts["params"] for name, facts in modules["modules"].items()},
        "basf2": modules["basf2"]["functions"],
        "names": modules["basf2"]["names"],
        "collections": variables["collections"],
    }
    groups = _groups(variables["releases"].values())
    return [
        *(*written, _write(target / "common.json.gz", content), _write(target / "groups.json.gz", groups)),
        _write_skims(names / "skims.tsv", modules["skims"]),
    ]


def _write_skims(path: Path, skims: dict[str, dict[str, str]]) -> Path:
    """The name of each skim, its code, and its module in skim.WGs."""
    rows = [(name, skim["code"], skim["module"].rpartition(".")[2]) for name, skim in sorted(skims.items())]
    path.write_text("".join("\t".join(row) + "\n" for row in (("name", "code", "group"), *rows)))
    return path


def _groups(points: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """The variables of each group of basf2's documentation; the latest point that has a variable decides."""
    latest: dict[str, str] = {}
    for point in sorted(points, key=lambda facts: str(facts["date"])):
        latest.update({name: str(entries[0]["group"]) for name, entries in point["variables"].items()})
    return {group: sorted(name for name in latest if latest[name] == group) for group in set(latest.values())}


def _form(entry: dict[str, Any]) -> str:
    """How one registration of a variable is written: empty, or its arguments in parentheses."""
    signature = str(entry.get("signature", ""))
    return signature[signature.index("(") :].strip() if "(" in signature else ""


def _write(path: Path, content: dict[str, Any]) -> Path:
    text = json.dumps(content, separators=(",", ":"), sort_keys=True)
    # a fixed time stamp: equal facts give equal bytes
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return path


if __name__ == "__main__":
    for made in build(Path(sys.argv[1])):
        print(f"{made.name}: {made.stat().st_size} bytes")
