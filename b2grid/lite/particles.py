"""Every particle of a chunk, once, in columns.

Particles are numbered; lists hold numbers. Copies of a list share its particles, so what is attached to a
particle (extra-info, its Monte Carlo match) is seen in every list that has it, as in basf2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

__all__ = ["CLUSTER", "COMPOSITE", "KLM", "MC", "TRACK", "V0", "Particles", "is_unflavoured"]

TRACK, CLUSTER, KLM, V0, MC, COMPOSITE = 1, 2, 3, 4, 5, 6
"""basf2's numbers for what a particle was made from."""

UNMATCHED, NOT_MATCHED_YET = -1, -2

_COLUMNS: dict[str, tuple[Any, Any]] = {
    "event": (np.int64, 0),
    "pdg": (np.int64, 0),
    "px": (np.float64, np.nan),
    "py": (np.float64, np.nan),
    "pz": (np.float64, np.nan),
    "mass": (np.float64, np.nan),
    "x": (np.float64, 0.0),
    "y": (np.float64, 0.0),
    "z": (np.float64, 0.0),
    "p_value": (np.float64, np.nan),
    "unflavoured": (np.bool_, False),
    "source": (np.int8, 0),
    "mdst_index": (np.int64, 0),
    "object": (np.int64, -1),  # position of the track, cluster, … in the chunk's flat arrays
    "fit": (np.int64, -1),  # position of the track fit
    "source_id": (np.int64, -1),  # what two particles of one candidate must not share
    "match": (np.int64, NOT_MATCHED_YET),  # position of the MCParticle
    "mode": (np.float64, np.nan),  # extra-info decayModeID
    "decay": (np.int64, -1),  # number of the decay string it was made by
}


def is_unflavoured(pdg: int) -> bool:
    """Whether a particle of this code counts as its own antiparticle where nothing else says so.

    >>> is_unflavoured(111), is_unflavoured(421), is_unflavoured(-211), is_unflavoured(300553)
    (True, False, False, True)
    """
    if pdg < 0:
        return False
    if pdg in {22, 310, 130, 43}:
        return True
    thousands, hundreds, tens = pdg // 1000 % 10, pdg // 100 % 10, pdg // 10 % 10
    return thousands == 0 and hundreds == tens != 0


class _Growing:
    """An array that grows at its end."""

    def __init__(self, dtype: Any) -> None:
        self._data = np.empty(1024, dtype=dtype)
        self.size = 0

    def extend(self, count: int, values: Any) -> None:
        needed = self.size + count
        if needed > len(self._data):
            grown = np.empty(max(needed, 2 * len(self._data)), dtype=self._data.dtype)
            grown[: self.size] = self._data[: self.size]
            self._data = grown
        self._data[self.size : needed] = values
        self.size = needed

    @property
    def view(self) -> NDArray[Any]:
        return self._data[: self.size]


class Particles:
    """The particles of a chunk.

    Every column of `_COLUMNS` is an attribute: an array over all particles. Energies are always √(p² + m²).
    """

    event: NDArray[np.int64]
    pdg: NDArray[np.int64]
    px: NDArray[np.float64]
    py: NDArray[np.float64]
    pz: NDArray[np.float64]
    mass: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    p_value: NDArray[np.float64]
    unflavoured: NDArray[np.bool_]
    source: NDArray[np.int8]
    mdst_index: NDArray[np.int64]
    object: NDArray[np.int64]
    fit: NDArray[np.int64]
    source_id: NDArray[np.int64]
    match: NDArray[np.int64]
    mode: NDArray[np.float64]
    decay: NDArray[np.int64]

    def __init__(self) -> None:
        self._columns = {name: _Growing(dtype) for name, (dtype, _) in _COLUMNS.items()}
        self._daughters, self._leaves = _Growing(np.int64), _Growing(np.int64)
        self._daughter_start, self._leaf_start = _Growing(np.int64), _Growing(np.int64)
        self._daughter_start.extend(1, 0)
        self._leaf_start.extend(1, 0)
        self._extra: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = {}
        self.decays: list[Any] = []
        self._publish()

    def _publish(self) -> None:
        for name, column in self._columns.items():
            setattr(self, name, column.view)

    @property
    def size(self) -> int:
        """Number of particles."""
        return self._columns["event"].size

    def append(self, count: int, daughters: NDArray[np.int64] | None = None, **columns: Any) -> Ids:
        """Add particles; columns that are not given take their defaults.

        Parameters
        ----------
        count : int
        daughters : array of int, shape (count, n)
            Numbers of the daughters; `None` for final-state particles.
        **columns
            A value or an array per column.
        """
        first = self.size
        for name, column in self._columns.items():
            column.extend(count, columns.get(name, _COLUMNS[name][1]))
        new = np.arange(first, first + count)
        if daughters is None:
            self._daughter_start.extend(count, self._daughters.size)
            self._leaf_start.extend(count, self._leaves.size + 1 + np.arange(count))
            self._leaves.extend(count, new)
        else:
            width = daughters.shape[1]
            self._daughter_start.extend(count, self._daughters.size + width * (1 + np.arange(count)))
            self._daughters.extend(daughters.size, daughters.ravel())
            self._append_leaves(daughters)
        self._publish()
        return new

    def _append_leaves(self, daughters: NDArray[np.int64]) -> None:
        starts, counts = self._leaf_start.view, self._leaf_counts
        per_daughter = counts(daughters.ravel())
        total = per_daughter.reshape(daughters.shape).sum(axis=1)
        self._leaf_start.extend(len(daughters), self._leaves.size + np.cumsum(total))
        begin = np.repeat(starts[daughters.ravel()], per_daughter)
        within = np.arange(len(begin)) - np.repeat(np.cumsum(per_daughter) - per_daughter, per_daughter)
        self._leaves.extend(len(begin), self._leaves.view[begin + within])

    def truncate(self, size: int) -> None:
        """Forget the particles from this number on: candidates that were only tried."""
        self._leaves.size = int(self._leaf_start.view[size])
        self._daughters.size = int(self._daughter_start.view[size])
        for column in self._columns.values():
            column.size = size
        self._leaf_start.size = self._daughter_start.size = size + 1
        for _, has in self._extra.values():
            has[size:] = False
        self._publish()

    # ---- relatives

    def n_daughters(self, ids: Ids) -> NDArray[np.int64]:
        """Number of direct daughters."""
        start = self._daughter_start.view
        return start[ids + 1] - start[ids]

    def daughter(self, ids: Ids, index: int | NDArray[np.int64]) -> Ids:
        """Number of the daughter at this position, -1 where there is none."""
        position = np.broadcast_to(np.asarray(index, dtype=np.int64), ids.shape)
        found = (position >= 0) & (position < self.n_daughters(ids))
        result = np.full(len(ids), -1, dtype=np.int64)
        result[found] = self._daughters.view[self._daughter_start.view[ids[found]] + position[found]]
        return result

    def _leaf_counts(self, ids: Ids) -> NDArray[np.int64]:
        start = self._leaf_start.view
        return start[ids + 1] - start[ids]

    def leaves(self, ids: Ids) -> NDArray[np.int64]:
        """Final-state descendants, or the particle itself; shape (len(ids), most), filled up with -1."""
        counts = self._leaf_counts(ids)
        most = int(counts.max(initial=1))
        result = np.full((len(ids), most), -1, dtype=np.int64)
        inside = np.arange(most) < counts[:, None]
        position = self._leaf_start.view[ids][:, None] + np.arange(most)
        result[inside] = self._leaves.view[position[inside]]
        return result

    def source_ids(self, ids: Ids) -> NDArray[np.int64]:
        """Source of every final-state descendant; shape as in `leaves`, filled up with -1."""
        leaves = self.leaves(ids)
        return np.where(leaves >= 0, self.source_id[leaves], -1)

    def energy(self, ids: Ids) -> NDArray[np.float64]:
        """√(p² + m²) of the stored mass."""
        px, py, pz, mass = self.px[ids], self.py[ids], self.pz[ids], self.mass[ids]
        return np.asarray(np.sqrt(px * px + py * py + pz * pz + mass * mass))

    def codes(self, ids: Ids) -> Sequence[int]:
        """The different PDG codes among these particles."""
        return [int(code) for code in np.unique(self.pdg[ids])]

    def nominal_mass(self, ids: Ids) -> NDArray[np.float64]:
        """Mass of the particle table for each particle's code."""
        codes, inverse = np.unique(self.pdg[ids], return_inverse=True)
        return np.array([particle(int(code)).mass for code in codes], dtype=np.float64)[inverse]

    def nominal_charge(self, ids: Ids) -> NDArray[np.float64]:
        """Charge of the particle table for each particle's code."""
        codes, inverse = np.unique(self.pdg[ids], return_inverse=True)
        return np.array([particle(int(code)).charge for code in codes], dtype=np.float64)[inverse]

    # ---- identity

    def identity(self, ids: Ids) -> NDArray[np.int64]:
        """A number that is equal for copies: same code and source, recursively for composites."""
        result = np.empty(len(ids), dtype=np.int64)
        if len(ids) == 0:
            return result
        counts = self.n_daughters(ids)
        keys: list[NDArray[np.int64]] = []
        width = int(counts.max())
        plain = counts == 0
        keys.append(self.event[ids])
        keys.append(self.pdg[ids])
        keys.append(np.where(plain, self.source_id[ids], -counts))
        if width:
            inner = np.full((len(ids), width), -1, dtype=np.int64)
            for index in range(width):
                daughters = self.daughter(ids, index)
                here = daughters >= 0
                inner[here, index] = daughters[here]
            known = inner >= 0
            inner[known] = self.identity(inner[known])
            inner.sort(axis=1)
            keys.extend(inner.T)
        _, inverse = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)
        # one number per set of keys: that of the first particle that has them
        first = np.full(int(inverse.max()) + 1, -1, dtype=np.int64)
        flat = inverse.ravel()
        first[flat[::-1]] = ids[::-1]
        return np.asarray(first[flat])

    # ---- extra-info

    def extra(self, name: str, ids: Ids) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Stored value (NaN where there is none) and whether there is one."""
        if name == "decayModeID":
            mode = self.mode[ids]
            return mode, ~np.isnan(mode)
        if name not in self._extra:
            return np.full(len(ids), np.nan), np.zeros(len(ids), dtype=np.bool_)
        values, has = self._grown(name)
        return np.where(has[ids], values[ids], np.nan), has[ids]

    def set_extra(self, name: str, ids: Ids, values: NDArray[np.float64], *, overwrite: bool = False) -> None:
        """Attach values by name; what is there already stays unless `overwrite`."""
        stored, has = self._grown(name)
        new = np.ones(len(ids), dtype=np.bool_) if overwrite else ~has[ids]
        stored[ids[new]] = values[new]
        has[ids] = True

    def _grown(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        values, has = self._extra.get(name, (np.zeros(0), np.zeros(0, dtype=np.bool_)))
        missing = self.size - len(values)
        if missing > 0:
            values = np.concatenate((values, np.full(missing, np.nan)))
            has = np.concatenate((has, np.zeros(missing, dtype=np.bool_)))
            self._extra[name] = (values, has)
        return values, has
