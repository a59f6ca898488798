"""Every particle of a chunk, once, in columns.

Particles are numbered; lists hold numbers. Copies of a list share its particles, so what is attached to a
particle (extra-info, its Monte Carlo match) is seen in every list that has it, as in basf2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.lite.growing import Growing
from b2grid.physics import particle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Ids = NDArray[np.int64]

__all__ = ["CLUSTER", "COMPOSITE", "KLM", "MC", "TRACK", "V0", "Particles", "is_unflavoured"]

TRACK, CLUSTER, KLM, V0, MC, COMPOSITE = 1, 2, 3, 4, 5, 6
"""basf2's numbers for what a particle was made from."""

SOURCE_BITS = 24
"""A source id is what a particle was made from, shifted by these, plus a number in the event."""

UNMATCHED, NOT_MATCHED_YET = -1, -2

_NEUTRON = 2112

_COLUMNS: dict[str, tuple[Any, Any]] = {
    "event": (np.int64, 0),
    "pdg": (np.int64, 0),
    "px": (np.float64, np.nan),
    "py": (np.float64, np.nan),
    "pz": (np.float64, np.nan),
    "mass": (np.float64, np.nan),
    "energy": (np.float64, np.nan),
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
    "fitted": (np.int64, -1),  # row of the covariance that a fit gave it
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


def _energy(px: Any, py: Any, pz: Any, mass: Any) -> Any:
    return np.sqrt(px * px + py * py + pz * pz + mass * mass)


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
    energy: NDArray[np.float64]
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
    fitted: NDArray[np.int64]

    def __init__(self) -> None:
        self._columns = {name: Growing(dtype) for name, (dtype, _) in _COLUMNS.items()}
        self._daughters, self._daughter_start = Growing(np.int64), Growing(np.int64)
        self._daughter_start.extend(1, 0)
        self._extra: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = {}
        self._covariances = np.zeros((0, 7, 7))
        self._newest: Ids = np.zeros(0, dtype=np.int64)
        self.decays: list[Any] = []
        self.size = 0

    @property
    def nbytes(self) -> int:
        """Bytes that the columns have."""
        return sum(column.nbytes for column in (*self._columns.values(), self._daughters, self._daughter_start))

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            return self._columns[name].view
        except KeyError:
            raise AttributeError(name) from None

    def append(
        self,
        count: int,
        daughters: NDArray[np.int64] | Callable[[], NDArray[np.int64]] | None = None,
        widths: NDArray[np.int64] | int | None = None,
        **columns: Any,
    ) -> Ids:
        """Add particles; columns that are not given take their defaults, and the energy is computed.

        Parameters
        ----------
        count : int
        daughters : array of int, shape (count, n), or callable
            Numbers of the daughters; `None` for final-state particles. A function that makes the array is called
            when somebody looks.
        widths : int or array of int, optional
            Number of daughters of every particle, where they differ; `daughters` then has all in one row. One number
            if `daughters` is a function.
        **columns
            A value, an array, or a function that makes either, per column.

        Returns
        -------
        array of int
            Their numbers. `column` of this very array costs no copy until more particles are added.
        """
        px, py, pz, mass = (columns[name] for name in ("px", "py", "pz", "mass"))
        columns["energy"] = lambda: _energy(px, py, pz, mass() if callable(mass) else mass)
        for name, column in self._columns.items():
            column.extend(count, columns.get(name, _COLUMNS[name][1]))
        before = self._daughters.size
        if daughters is None:
            self._daughter_start.extend(count, before)
        elif isinstance(widths, np.ndarray):
            assert not callable(daughters), "daughters of different numbers are given as they are"
            self._daughter_start.extend(count, before + np.cumsum(widths))
            self._daughters.extend(daughters.size, daughters)
        else:
            width = widths if callable(daughters) else daughters.shape[1]
            assert width is not None, "a function does not say how many daughters it makes"
            made = daughters if callable(daughters) else lambda: daughters
            self._daughter_start.extend(count, lambda: before + width * (1 + np.arange(count)))
            self._daughters.extend(count * width, lambda: made().ravel())
        first = self.size
        self.size += count
        self._newest = np.arange(first, self.size)
        return self._newest

    def column(self, name: str, ids: Ids) -> NDArray[Any]:
        """One column of some of the particles; not to be written to."""
        column = self._columns[name]
        return column.newest(len(ids)) if ids is self._newest and len(ids) else np.asarray(column.view[ids])

    def truncate(self, size: int) -> None:
        """Forget the particles from this number on: candidates that were only tried."""
        self._daughters.truncate(int(self._daughter_start.at(size)) if size < self.size else self._daughters.size)
        self._newest = self._newest[:0]
        for column in self._columns.values():
            column.truncate(size)
        self._daughter_start.truncate(size + 1)
        for _, has in self._extra.values():
            has[size:] = False
        self.size = size

    def copy(self) -> Particles:
        """The same particles, to be changed without effect on these."""
        other = Particles()
        other._columns = {name: column.copy() for name, column in self._columns.items()}
        other._daughters, other._daughter_start = self._daughters.copy(), self._daughter_start.copy()
        other._extra = {name: (values.copy(), has.copy()) for name, (values, has) in self._extra.items()}
        other._covariances = self._covariances  # rows are only ever added, to an array of its own
        other.decays, other.size = self.decays, self.size
        return other

    def duplicate(self, ids: Ids) -> Ids:
        """Make the same particles once more, with their daughters; each in the order given.

        Extra-info, the Monte Carlo match and what a fit gave are those of the originals from now on apart; the
        extra-info ``original_index`` is the number of the original.
        """
        counts = self.n_daughters(ids)
        daughters = np.zeros(0, dtype=np.int64)
        if counts.any():
            start = np.repeat(self._daughter_start.view[ids], counts)
            within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
            daughters = self.duplicate(self._daughters.view[start + within])
        columns = {name: getattr(self, name)[ids] for name in _COLUMNS}
        extra = {name: self.extra_info(name, ids) for name in self._extra}
        copies = self.append(len(ids), daughters=daughters, widths=counts, **columns)
        for name, (values, has) in extra.items():
            self.set_extra(name, copies[has], values[has])
        self.set_extra("original_index", copies, ids.astype(np.float64), overwrite=True)
        return copies

    def own_daughters(self, ids: Ids) -> None:
        """Give particles copies of their daughters, and of what is below: to change without effect on others."""
        counts = self.n_daughters(ids)
        start = np.repeat(self._daughter_start.view[ids], counts)
        places = start + np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        copies = self.duplicate(self._daughters.view[places])
        self._daughters.view[places] = copies

    # ---- fits

    def set_fitted(
        self,
        ids: Ids,
        momentum: NDArray[np.float64],
        mass: NDArray[np.float64],
        position: NDArray[np.float64],
        covariance: NDArray[np.float64],
        p_value: NDArray[np.float64],
    ) -> None:
        """Give particles what a fit found.

        Parameters
        ----------
        ids : array of int
        momentum, position : array of float, shape (n, 3)
            In GeV and cm.
        mass : array of float
        covariance : array of float, shape (n, 7, 7)
            Of (px, py, pz, E, x, y, z).
        p_value : array of float
        """
        for index, axis in enumerate("xyz"):
            getattr(self, f"p{axis}")[ids] = momentum[:, index]
            getattr(self, axis)[ids] = position[:, index]
        self.mass[ids] = mass
        self.energy[ids] = np.sqrt((momentum**2).sum(axis=1) + mass**2)
        self.p_value[ids] = p_value
        self.fitted[ids] = len(self._covariances) + np.arange(len(ids))
        self._covariances = np.concatenate((self._covariances, covariance))

    def fitted_covariance(self, ids: Ids) -> NDArray[np.float64]:
        """Covariance of (px, py, pz, E, x, y, z) that a fit gave these particles; shape (n, 7, 7).

        Only for those whose `fitted` is not negative.
        """
        return np.asarray(self._covariances[self.fitted[ids]])

    # ---- relatives

    def n_daughters(self, ids: Ids) -> NDArray[np.int64]:
        """Number of direct daughters."""
        start = self._daughter_start.view
        return np.asarray(start[ids + 1] - start[ids])

    def daughter(self, ids: Ids, index: int | NDArray[np.int64]) -> Ids:
        """Number of the daughter at this position, -1 where there is none."""
        position = np.broadcast_to(np.asarray(index, dtype=np.int64), ids.shape)
        found = (position >= 0) & (position < self.n_daughters(ids))
        result = np.full(len(ids), -1, dtype=np.int64)
        result[found] = self._daughters.view[self._daughter_start.view[ids[found]] + position[found]]
        return result

    def leaves(self, ids: Ids) -> NDArray[np.int64]:
        """Final-state descendants, or the particle itself; shape (len(ids), most), filled up with -1."""
        counts = self.n_daughters(ids)
        width = int(counts.max(initial=0))
        if width == 0:
            return ids[:, None]
        columns = []
        for index in range(width):
            below = self.daughter(ids, index)
            there = below >= 0
            inner = self.leaves(below[there])
            column = np.full((len(ids), inner.shape[1]), -1, dtype=np.int64)
            column[there] = inner
            columns.append(column)
        result = np.concatenate(columns, axis=1)
        result[counts == 0, 0] = ids[counts == 0]
        return result

    def source_ids(self, ids: Ids) -> NDArray[np.int64]:
        """Source of every final-state descendant; shape as in `leaves`, filled up with -1."""
        leaves = self.leaves(ids)
        return np.where(leaves >= 0, self.source_id[leaves], -1)

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

    def identity(self, ids: Ids, *, flavourless: bool = False) -> NDArray[np.int64]:
        """A number that is equal for copies: same code and source, recursively for composites.

        Daughters are compared in the order of their codes; of one code in the order that they have.
        Particles and antiparticles are the same if `flavourless`, their daughters are not; neutrons always are.
        """
        result = np.empty(len(ids), dtype=np.int64)
        if len(ids) == 0:
            return result
        counts = self.n_daughters(ids)
        keys: list[NDArray[np.int64]] = []
        width = int(counts.max())
        plain = counts == 0
        keys.append(self.event[ids])
        code = self.pdg[ids]
        keys.append(np.where((np.abs(code) == _NEUTRON) | flavourless, np.abs(code), code))
        keys.append(np.where(plain, self.source_id[ids], -counts))
        if width:
            inner = np.stack([self.daughter(ids, index) for index in range(width)], axis=1)
            known = inner >= 0
            codes = np.where(known, self.pdg[inner], np.iinfo(np.int64).max)
            inner[known] = self.identity(inner[known])
            keys.extend(np.take_along_axis(inner, np.argsort(codes, axis=1, kind="stable"), axis=1).T)
        _, inverse = np.unique(np.stack(keys, axis=1), axis=0, return_inverse=True)
        # one number per set of keys: that of the first particle that has them
        first = np.full(int(inverse.max()) + 1, -1, dtype=np.int64)
        flat = inverse.ravel()
        first[flat[::-1]] = ids[::-1]
        return np.asarray(first[flat])

    # ---- extra-info

    def extra_info(self, name: str, ids: Ids) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
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
        if name == "decayModeID":
            new = np.isnan(self.mode[ids]) | overwrite
            self.mode[ids[new]] = values[new]
            return
        stored, has = self._grown(name)
        new = np.ones(len(ids), dtype=np.bool_) if overwrite else ~has[ids]
        stored[ids[new]] = values[new]
        has[ids] = True

    def clear_extra(self, ids: Ids) -> None:
        """Forget everything that is attached by name to these particles."""
        self.mode[ids] = np.nan
        for name in self._extra:
            self._grown(name)[1][ids] = False

    def _grown(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        values, has = self._extra.get(name, (np.zeros(0), np.zeros(0, dtype=np.bool_)))
        missing = self.size - len(values)
        if missing > 0:
            values = np.concatenate((values, np.full(missing, np.nan)))
            has = np.concatenate((has, np.zeros(missing, dtype=np.bool_)))
            self._extra[name] = (values, has)
        return values, has
