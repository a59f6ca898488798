"""What the modules of one chunk share: the stored objects, the particles, the lists, the conditions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from b2grid.lite.lists import Lists
from b2grid.lite.particles import Particles
from b2grid.lite.restofevent import Rests, Suppression
from b2grid.physics import beams, interaction_point

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from b2grid.lite.reading.reader import Chunk, MdstFile
    from b2grid.physics import Beams, InteractionPoint
    from b2grid.steering.standin.log import LogLevel

__all__ = ["Context", "Logger", "file_beams", "file_interaction_point"]


class Logger(Protocol):
    """The messages that the engine has; the stand-ins' `Log` is one."""

    def speaking(self, module: str, level: LogLevel) -> AbstractContextManager[None]:
        """Take what is said meanwhile for messages of a module with a level of its own."""

    def info(self, text: object, **variables: object) -> None:
        """Say what is going on."""

    def warning(self, text: object, **variables: object) -> None:
        """Say what may be wrong."""

    def error(self, text: object, **variables: object) -> None:
        """Say what is wrong."""


def file_beams(file: MdstFile) -> Beams:
    """The beams of a file; refused where they cannot be known."""
    meta = file.metadata
    return beams(meta.experiment_low, meta.is_mc, meta.global_tag)


def file_interaction_point(file: MdstFile) -> InteractionPoint:
    """The interaction point of a file; refused where it cannot be known."""
    meta = file.metadata
    return interaction_point(meta.experiment_low, meta.is_mc, meta.release, meta.global_tag)


@dataclass
class Context:
    """One chunk on its way through the path.

    Parameters
    ----------
    chunk : Chunk
    log : Logger
    alive : array of bool
        Events that the current module sees.
    notes : Counter
        What the log should say at the end of the run, and how often it happened.
    rests : Rests
        The rests of the event.
    suppressions : dict
        Mask -> what separates candidates from continuum.
    quantities : dict
        Name -> one value per event that a module has computed; NaN where none has.
    kept : dict
        Name -> one value per event that the steering keeps (NaN where none is kept), and whether there is one.
    current : array of int or None
        In a loop over rests of the event: per event the rest whose turn it is, -1 where there is none.
    """

    chunk: Chunk
    log: Logger
    alive: NDArray[np.bool_]
    particles: Particles = field(default_factory=Particles)
    lists: Lists = field(default_factory=Lists)
    cache: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    loaded: dict[tuple[int, str], NDArray[np.bool_]] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)
    rests: Rests = field(default_factory=Rests)
    suppressions: dict[str, Suppression] = field(default_factory=dict)
    quantities: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    kept: dict[str, tuple[NDArray[np.float64], NDArray[np.bool_]]] = field(default_factory=dict)
    current: NDArray[np.int64] | None = None
    _beams: Beams | None = None
    _point: InteractionPoint | None = None

    @property
    def beams(self) -> Beams:
        """The beams of the chunk's file."""
        if self._beams is None:
            self._beams = file_beams(self.chunk.file)
        return self._beams

    @property
    def point(self) -> InteractionPoint:
        """The interaction point of the chunk's file."""
        if self._point is None:
            self._point = file_interaction_point(self.chunk.file)
        return self._point

    def copy(self) -> Context:
        """The same event data, to be changed without effect on these; what the log counts is shared."""
        return replace(
            self,
            alive=self.alive.copy(),
            particles=self.particles.copy(),
            lists=self.lists.copy(),
            cache=dict(self.cache),
            loaded={key: done.copy() for key, done in self.loaded.items()},
            rests=self.rests.copy(),
            suppressions={mask: one.copy() for mask, one in self.suppressions.items()},
            quantities={name: values.copy() for name, values in self.quantities.items()},
            kept={name: (values.copy(), has.copy()) for name, (values, has) in self.kept.items()},
        )

    def set_quantity(self, name: str, values: NDArray[np.float64]) -> None:
        """Keep a value of every living event; `values` has one per event of the chunk."""
        known = self.quantities.setdefault(name, np.full(self.chunk.size, np.nan))
        known[self.alive] = values[self.alive]

    def kept_by_event(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The values that events keep under a name, to be changed in place, and whether each keeps one."""
        size = self.chunk.size
        return self.kept.setdefault(name, (np.full(size, np.nan), np.zeros(size, dtype=np.bool_)))

    def living(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of the particles whose event the current module sees."""
        return ids if self.alive.all() else ids[self.alive[self.particles.event[ids]]]

    def keep_mask(self) -> NDArray[np.bool_]:
        """All particles marked as kept: a mask to strike out from."""
        return np.ones(self.particles.size, dtype=np.bool_)

    def truncate(self, size: int) -> None:
        """Forget the particles from this number on, and what is remembered about them."""
        self.particles.truncate(size)
        self.cache = {name: ids for name, ids in self.cache.items() if ids.max(initial=-1) < size}
