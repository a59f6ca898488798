"""Generated events: Pythia 8 decays the Υ(4S), or makes light quarks, in the CMS of the nominal beams.

Pythia has no e+e- → Υ(4S) process, so the Υ(4S) is put into an empty event at rest with the mass √s and decays
from there. Its B mesons get the sin²θ distribution of a spin-1 state afterwards, by turning the whole event. One B of
a signal event has a code of its own, so that only this one is forced into B0 → η' K_S0; the codes are put right
when the event is read. What Pythia does not do is left out: no B0 mixing, no CP violation, no ISR, no PHOTOS,
B decays to other final states at the rates of Pythia's own tables (EvtGen is better at them).

Needs the extra ``demo-data`` (pythia8mc).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.catalogue.demo.skim import has_candidate, has_fast_kshort
from b2grid.errors import InvalidInput
from b2grid.physics import NOMINAL, particles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["KINDS", "SIGNAL_MODES", "Truth", "generate", "mixed"]

SIGNAL_MODES = {1: "9000221 211 -211", 2: "9000221 211 -211", 3: "113 22"}
"""Decay of the η' in the three channels; the η of mode 1 goes to γγ, of mode 2 to π+ π- π0."""

KINDS = ("signal1", "signal2", "signal3", "mixed", "charged", "uubar")

ENERGY_SPREAD = 0.005
"""Spread of √s in GeV; it makes the width of Mbc. Continuum is made at the nominal energy."""

# our codes of forced particles, and Pythia's of the f_0(1370): what they are in the particle table
_FORCED = {9000511: 511, 9000331: 331, 9000221: 221, 9000310: 310, 10221: 30221}
_MM_TO_CM = 0.1
_MM_TO_NS = 0.1 / 29.9792458
_PRIMARY, _STABLE, _VIRTUAL = 1, 2, 16


@dataclass(frozen=True, slots=True)
class Truth:
    """Generated particles of many events, one after the other, in the laboratory.

    Parameters
    ----------
    counts : array
        Number of particles per event.
    pdg, status, mother, first, last : arrays of int
        As in the mDST: family by 1-based index within the event, 0 for none.
    mass, momentum, energy : arrays
        In GeV; the momentum has the shape (n, 3).
    production, decay : arrays of shape (n, 4)
        x, y, z in cm and t in ns, about the interaction point; of what does not decay (0, 0, 0, ∞).
    """

    counts: NDArray[np.int64]
    pdg: NDArray[np.int32]
    status: NDArray[np.int32]
    mother: NDArray[np.int32]
    first: NDArray[np.int32]
    last: NDArray[np.int32]
    mass: Floats
    momentum: Floats
    energy: Floats
    production: Floats
    decay: Floats

    @property
    def event(self) -> NDArray[np.int64]:
        """The number of its event for each particle."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def index(self) -> NDArray[np.int64]:
        """The 0-based index within its event for each particle."""
        starts = np.cumsum(self.counts) - self.counts
        return np.arange(len(self.pdg)) - np.repeat(starts, self.counts)


def generate(kind: str, count: int, seed: int) -> Truth:
    """Make this many events of a kind; equal for equal arguments.

    Raises
    ------
    InvalidInput
        If the kind is unknown, or Pythia is not installed.
    """
    if kind not in KINDS:
        raise InvalidInput(f"unknown kind of events: {kind!r}", hint=f"one of {', '.join(KINDS)}")
    pythia = _pythia(kind, seed)
    rng = np.random.default_rng(seed)
    rows: list[tuple[Any, ...]] = []
    counts: list[int] = []
    while len(counts) < count:
        event = _next_event(pythia, kind, NOMINAL.sqrt_s + rng.normal(0, ENERGY_SPREAD))
        if event is None:
            continue
        turned = _turn(event, rng) if kind != "uubar" else event
        rows.extend(turned)
        counts.append(len(turned))
    return _in_the_laboratory(counts, rows)


def _pythia(kind: str, seed: int) -> Any:
    try:
        import pythia8mc
    except ImportError as error:
        raise InvalidInput("Pythia is not installed", hint="pip install 'b2grid[demo-data]'") from error
    pythia = pythia8mc.Pythia("", False)
    settings = [
        "Print:quiet = on",
        "Random:setSeed = on",
        f"Random:seed = {seed}",
        "ParticleDecays:mixB = off",
    ]
    settings += _continuum() if kind == "uubar" else _resonance(pythia, kind)
    for row in particles().values():  # masses of what is narrow as basf2 has them, so that peaks are in place
        if row.pdg > 22 and row.width < 1e-3 and pythia.particleData.isParticle(row.pdg):
            settings.append(f"{row.pdg}:m0 = {row.mass}")
    for setting in settings:
        if not pythia.readString(setting):
            raise InvalidInput(f"Pythia does not know the setting {setting!r}")
    pythia.init()
    return pythia


def _continuum() -> list[str]:
    return [
        "Beams:idA = 11", "Beams:idB = -11", f"Beams:eCM = {NOMINAL.sqrt_s}", "PDF:lepton = off",
        "WeakSingleBoson:ffbar2gmZ = on", "WeakZ0:gmZmode = 1", "23:onMode = off", "23:onIfAny = 2",
    ]  # fmt: skip


def _resonance(pythia: Any, kind: str) -> list[str]:
    table = particles()
    add = pythia.particleData.addParticle
    add(300553, "Upsilon(4S)", 3, 0, 0, 10.5794, 0.0205, 10.56, 10.70, 0.0)
    add(9000511, "B0sig", "Bbar0sig", 1, 0, 0, table["B0"].mass, 0.0, 0.0, 0.0, table["B0"].ctau)
    add(9000331, "etaprimesig", 1, 0, 0, table["eta'"].mass, 0.0, 0.0, 0.0, 0.0)
    add(9000221, "etasig", 1, 0, 0, table["eta"].mass, 0.0, 0.0, 0.0, 0.0)
    add(9000310, "K_S0sig", 1, 0, 0, table["K_S0"].mass, 0.0, 0.0, 0.0, table["K_S0"].ctau)
    pairs = {"mixed": ["511 -511"], "charged": ["521 -521"]}.get(kind, ["9000511 -511", "511 -9000511"])
    settings = ["ProcessLevel:all = off", "Check:event = off", "300553:onMode = on", "300553:mayDecay = on"]
    settings += [f"300553:addChannel = 1 {1 / len(pairs)} 0 {pair}" for pair in pairs]
    if kind.startswith("signal"):
        mode = int(kind[-1])
        settings += [
            "9000511:addChannel = 1 1 0 9000331 9000310",
            f"9000331:addChannel = 1 1 0 {SIGNAL_MODES[mode]}",
            f"9000221:addChannel = 1 1 0 {'211 -211 111' if mode == 2 else '22 22'}",
            "9000310:addChannel = 1 1 0 211 -211",
        ]
    return settings


def _next_event(pythia: Any, kind: str, energy: float) -> list[tuple[Any, ...]] | None:
    if kind != "uubar":
        pythia.event.reset()
        pythia.event.append(300553, 1, 0, 0, 0.0, 0.0, 0.0, energy, energy)
    if not pythia.next():
        return None
    record = list(pythia.event)
    if kind == "uubar" and not has_candidate(record):
        return None
    if kind in {"mixed", "charged"} and not has_fast_kshort(record):
        return None
    if kind == "uubar":
        boson = next(i for i, particle in enumerate(record) if particle.id() == 23)
        return _family(record, boson, root=10022)
    return _family(record, 1, root=300553)


def _is_parton(code: int) -> bool:
    code = abs(code)
    return code < 10 or code == 21 or 80 < code < 100 or (1000 < code < 6000 and code // 10 % 10 == 0)


def _daughters(record: list[Any], mother: int) -> list[int]:
    """Indices of the hadrons, leptons and photons that a particle decays to: partons are looked through."""
    found: set[int] = set()
    for daughter in record[mother].daughterList():
        found.update(_daughters(record, daughter) if _is_parton(record[daughter].id()) else [daughter])
    return sorted(found)


def _family(record: list[Any], start: int, *, root: int) -> list[tuple[Any, ...]]:
    """The decay chain, generation by generation, so that daughters are neighbours."""
    order = [start]
    mothers = [0]
    ranges: list[tuple[int, int]] = []
    for place, index in enumerate(order):  # the list grows while it is read
        daughters = _daughters(record, index)
        ranges.append((len(order) + 1, len(order) + len(daughters)) if daughters else (0, 0))
        order.extend(daughters)
        mothers.extend([place + 1] * len(daughters))
    rows = []
    for place, index in enumerate(order):
        particle = record[index]
        code = root if place == 0 else particle.id()
        code = _FORCED.get(abs(code), abs(code)) * (1 if code > 0 else -1)
        stable = ranges[place] == (0, 0)
        status = _PRIMARY | (_STABLE if stable else 0) | (_VIRTUAL if code == 10022 else 0)
        first = None if stable else record[order[ranges[place][0] - 1]]
        rows.append(
            (
                code, status, mothers[place], *ranges[place], particle.m(),
                particle.px(), particle.py(), particle.pz(), particle.e(), *_place(particle),
                *(_place(first) if first is not None else (0.0, 0.0, 0.0, np.inf)),
            )
        )  # fmt: skip
    return rows


def _place(particle: Any) -> tuple[float, float, float, float]:
    return particle.xProd(), particle.yProd(), particle.zProd(), particle.tProd()


def _turn(rows: list[tuple[Any, ...]], rng: np.random.Generator) -> list[tuple[Any, ...]]:
    """Turn an event so that its first B has the sin²θ distribution of a spin-1 state at an e+e- collider."""
    cosine = next(c for c, u in zip(rng.uniform(-1, 1, 100), rng.uniform(0, 1, 100), strict=True) if u < 1 - c * c)
    phi = rng.uniform(-np.pi, np.pi)
    sine = np.sqrt(1 - cosine**2)
    new = np.array([sine * np.cos(phi), sine * np.sin(phi), cosine])
    old = np.array(rows[1][6:9])
    old = old / np.linalg.norm(old)
    v, c = np.cross(old, new), float(old @ new)
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    matrix = np.eye(3) + cross + cross @ cross / (1 + c)
    values = np.array([row[5:] for row in rows])
    for start in (1, 5, 9):
        values[:, start : start + 3] = values[:, start : start + 3] @ matrix.T
    return [(*row[:5], *turned) for row, turned in zip(rows, values, strict=True)]


def _in_the_laboratory(counts: list[int], rows: list[tuple[Any, ...]]) -> Truth:
    table = np.array(rows, dtype=np.float64).reshape(-1, 18)
    px, py, pz, energy = NOMINAL.to_lab(*table[:, 6:10].T)
    momentum = np.stack([px, py, pz], axis=-1)
    decayed = np.isfinite(table[:, 17])
    production = np.stack(NOMINAL.to_lab(*table[:, 10:14].T), axis=-1) * [*[_MM_TO_CM] * 3, _MM_TO_NS]
    decay = np.tile([0.0, 0.0, 0.0, np.inf], (len(table), 1))
    decay[decayed] = np.stack(NOMINAL.to_lab(*table[decayed, 14:18].T), axis=-1) * [
        *[_MM_TO_CM] * 3,
        _MM_TO_NS,
    ]
    whole = table[:, :5].astype(np.int32)
    pdg, status, mother, first, last = whole.T
    return Truth(
        np.array(counts, dtype=np.int64), pdg, status, mother, first, last,
        table[:, 5], momentum, energy, production, decay,
    )  # fmt: skip


def mixed(shares: Mapping[str, float], count: int, seed: int, rng: np.random.Generator) -> Truth:
    """Make so many events of several kinds in a random order, as data have them; equal for equal arguments."""
    numbers = rng.multinomial(count, list(shares.values()))
    parts = [
        generate(kind, int(number), seed + i)
        for i, (kind, number) in enumerate(zip(shares, numbers, strict=True))
        if number
    ]
    order = rng.permutation(count)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in Truth.__dataclass_fields__
    }
    counts = columns.pop("counts")
    starts = np.cumsum(counts) - counts
    rows = np.concatenate([np.arange(starts[i], starts[i] + counts[i]) for i in order])
    return Truth(counts=counts[order], **{name: values[rows] for name, values in columns.items()})
