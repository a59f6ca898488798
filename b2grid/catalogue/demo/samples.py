"""What the demo data consist of: files, runs, luminosities and collections of a small grid.

Generic samples are skims (see `skim`), and their luminosities those of the events before the skim. The data-like
sample is a mixture of everything: its luminosity is that of the continuum in it. Signal in it is raised by a factor of
about 10⁵ over nature so that it can be seen, and BB events are prescaled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from b2grid.physics import DEMO_GLOBAL_TAG

__all__ = ["CROSS_SECTIONS", "DATA_SHARES", "DemoFile", "collection_rows", "demo_files", "run_rows"]

CROSS_SECTIONS = {"mixed": 1.10 * 0.486, "charged": 1.10 * 0.514, "uubar": 1.61}
"""In nb."""

KEPT = {"mixed": 0.0055, "charged": 0.0033, "uubar": 0.00062}
"""What share of the generated events the skims keep: of 40,000, 40,000 and 500,000: good to 9 %."""

DATA_SHARES = {
    "signal1": 0.09, "signal2": 0.08, "signal3": 0.08, "mixed": 0.04, "charged": 0.04, "uubar": 0.67,
}  # fmt: skip
"""What share of the data-like events is of which kind."""

SKIM_CODES = {"mixed": "99010100", "charged": "99010100", "uubar": "99010200", "data": "99010200"}
"""Codes of the skims in the paths: a fast K_S0, and an η' K_S0 candidate."""

_VISIBLE = {kind: sigma * KEPT[kind] for kind, sigma in CROSS_SECTIONS.items()}  # nb, after the skim
BAD_RUN, BAD_REASON = 104, "drift chamber high voltage off"
_DATA_EXPERIMENT, _MC_EXPERIMENT = 10, 1003
_TAGS = {
    "DB00009001": f"demo_mc_2024a,{DEMO_GLOBAL_TAG}",
    "DB00009002": f"demo_mc_2024b,{DEMO_GLOBAL_TAG}",
    "DB00009101": f"demo_data_2024a,{DEMO_GLOBAL_TAG}",
}
_CREATED = "2024-08-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class DemoFile:
    """One file of the demo data.

    Parameters
    ----------
    lfn : str
    name : str
        Of the file in the package.
    kind : str
        What was generated, or ``data`` for the mixture.
    sample : str
        Which collections it belongs to.
    production : int
    runs : tuple of pairs
        Run number and number of events; more than one where runs were merged.
    """

    lfn: str
    name: str
    kind: str
    sample: str
    production: int
    runs: tuple[tuple[int, int], ...]

    @property
    def is_mc(self) -> bool:
        """Whether it is simulation, by its own metadata."""
        return self.kind != "data"

    @property
    def experiment(self) -> int:
        """The experiment of all its runs."""
        return _MC_EXPERIMENT if self.is_mc else _DATA_EXPERIMENT

    @property
    def events(self) -> int:
        """Number of events."""
        return sum(events for _, events in self.runs)

    @property
    def dataset(self) -> str:
        """The dataset, without its datablock."""
        return self.lfn.split("/mdst/")[0] + "/mdst"

    @property
    def release(self) -> str:
        """The release that the path names."""
        return self.lfn.split("/")[3]

    @property
    def global_tag(self) -> str:
        """The production global tags that the path's number stands for."""
        return _TAGS[self.lfn.split("/")[4]]


def _mc(
    sample: str, kind: str, production: int, blocks: tuple[int, ...], events: int, tag: str = "DB00009001"
) -> list[DemoFile]:
    code = f"1110062{kind[-1]}00" if kind.startswith("signal") else f"{kind}/{SKIM_CODES[kind]}"
    release = "release-06-01-08" if tag == "DB00009001" else "release-06-02-00"
    folder = f"/belle/MC/{release}/{tag}/demo1/prod{production:08d}/s00/e1003/4S/r00000/{code}/mdst"
    files: list[DemoFile] = []
    for block, count in enumerate(blocks):
        for _ in range(count):
            number = len(files) + 1
            lfn = f"{folder}/sub{block:02d}/mdst_{number:06d}_prod{production:08d}_task10020000{number:04d}.root"
            name = f"{kind}_prod{production:08d}_{number:02d}.root"
            files.append(DemoFile(lfn, name, kind, sample, production, ((0, events),)))
    return files


def _data(runs: tuple[tuple[int, int], ...], number: int) -> DemoFile:
    run = runs[0][0] if len(runs) == 1 else 0  # r00000: runs merged
    production = "/belle/Data/release-06-01-11/DB00009101/demo1/prod00090401"
    folder = f"{production}/e0010/4S/r{run:05d}/{SKIM_CODES['data']}/mdst/sub00"
    lfn = f"{folder}/mdst_{number:06d}_prod00090401_task10040000{number:04d}.root"
    return DemoFile(lfn, f"data_prod00090401_{number:02d}.root", "data", "4S", 90401, runs)


def demo_files(fraction: float = 1.0) -> list[DemoFile]:
    """All files; `fraction` scales the number of events of each."""
    files = [
        *_mc("etapks", "signal1", 90101, (2,), 150),
        *_mc("etapks", "signal2", 90102, (2,), 150),
        *_mc("etapks", "signal3", 90103, (2,), 150),
        *_mc("mixed", "mixed", 90201, (3, 2), 80),
        *_mc("mixed_more", "mixed", 90202, (2,), 80),
        *_mc("charged", "charged", 90211, (3,), 80),
        *_mc("charged", "charged", 90212, (3,), 80, "DB00009002"),
        *_mc("uubar", "uubar", 90221, (6,), 100),
        _data(((101, 170),), 1),
        _data(((101, 160),), 2),
        _data(((102, 170),), 3),
        _data(((103, 110), (104, 60)), 4),
        _data(((104, 100),), 5),
        _data(((105, 170),), 6),
        _data(((106, 170),), 7),
    ]
    if fraction == 1.0:
        return files
    return [
        replace(file, runs=tuple((run, max(1, round(events * fraction))) for run, events in file.runs))
        for file in files
    ]


def run_rows(files: list[DemoFile]) -> list[dict[str, Any]]:
    """Rows of the catalogue's runs: of data only, in 1/pb."""
    events_per_pb = 1000 * _VISIBLE["uubar"] / DATA_SHARES["uubar"]
    counts: dict[int, int] = {}
    for file in files:
        for run, events in () if file.is_mc else file.runs:
            counts[run] = counts.get(run, 0) + events
    return [
        {
            "experiment": _DATA_EXPERIMENT,
            "run": run,
            "good": run != BAD_RUN,
            "reason": BAD_REASON if run == BAD_RUN else None,
            "luminosity": round(events / events_per_pb, 6),
            "luminosity_error": round(events / events_per_pb * 0.01, 6),
            "beam_energy": "4S",
            "events": events,
        }
        for run, events in sorted(counts.items())
    ]


def collection_rows(files: list[DemoFile]) -> list[dict[str, Any]]:
    """Rows of the catalogue's collections; luminosities in 1/fb."""
    good = sum(row["luminosity"] for row in run_rows(files) if row["good"]) / 1000
    rows = [
        _collection("MC", "demo_etapks", 1, files, ("etapks",), "signal: B0 -> eta' K_S0 in three channels", None),
        _collection("Data", "demo_4S", 1, files, ("4S",), "data-like mixture, with signal in it", good),
    ]
    rows += [
        _collection(
            "MC", f"demo_{kind}", version, files, samples, f"generic {kind} events",
            sum(file.events for file in files if file.sample in samples) / _VISIBLE[kind] / 1e6,
        )
        for kind, version, samples in (
            ("mixed", 1, ("mixed",)), ("mixed", 2, ("mixed", "mixed_more")), ("charged", 1, ("charged",)),
            ("uubar", 1, ("uubar",)),
        )
    ]  # fmt: skip
    return rows


def _collection(
    where: str, name: str, version: int, files: list[DemoFile], samples: tuple[str, ...], said: str,
    luminosity: float | None,
) -> dict[str, Any]:  # fmt: skip
    mine = [file for file in files if file.sample in samples]
    return {
        "collection": f"/belle/collection/{where}/{name}_v{version}",
        "data_type": where.lower(),
        "name": name,
        "version": version,
        "description": f"b2grid demo data, {said}",
        "campaign": "demo1",
        "data_level": "mdst",
        "skim_decay": SKIM_CODES.get(mine[0].kind),
        "int_luminosity": None if luminosity is None else round(luminosity, 9),
        "datasets": sorted({file.dataset for file in mine}),
        "created": _CREATED,
    }
