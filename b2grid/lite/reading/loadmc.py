"""Particles from generated particles, with or without what they decayed to, for all events of a chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.lite.particles import MC, SOURCE_BITS, is_unflavoured
from b2grid.lite.truth import decaytree

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.context import Context

    Ids = NDArray[np.int64]
    Ints = NDArray[np.int64]

__all__ = ["NO_DECAY", "load_mc", "mc_particles", "mc_trees"]

NO_DECAY = -1
"""The number of rules of particles that were made by no decay string."""

_LAMBDA = 3122


def load_mc(
    context: Context,
    code: int,
    *,
    skip_initial: bool = True,
    skip_non_primary: bool = False,
    daughters: bool = False,
    skip_non_primary_daughters: bool = False,
    decay: int = NO_DECAY,
) -> Ids:
    """One particle per MCParticle of this code or its antiparticle.

    Parameters
    ----------
    code : int
        PDG code.
    skip_initial, skip_non_primary : bool
        Leave out what entered the collision; what the detector made.
    daughters : bool
        Attach all that was generated below.
    skip_non_primary_daughters : bool
        Attach of it only what the generator made.
    decay : int
        Number of the rules by which Monte Carlo matching looks at those with daughters.
    """
    chunk = context.chunk
    if not chunk.has("MCParticles"):
        return np.zeros(0, dtype=np.int64)
    codes, status = decaytree.codes(chunk), decaytree.status(chunk)
    wanted = (np.abs(codes) == abs(code)) & context.alive[chunk.event_of("MCParticles")]
    if skip_initial:
        wanted &= (status & decaytree.INITIAL) == 0
    if skip_non_primary:
        wanted &= (status & decaytree.PRIMARY) != 0
    positions = np.flatnonzero(wanted)
    if not daughters:
        return mc_particles(context, positions)
    return mc_trees(context, positions, primary=skip_non_primary_daughters, decay=decay)


def mc_particles(
    context: Context,
    positions: Ids,
    daughters: Ids | None = None,
    widths: Ints | None = None,
    decay: int | Ints = NO_DECAY,
) -> Ids:
    """Particles made from these MCParticles; `daughters` are particles, so many to each as `widths` says."""
    chunk = context.chunk

    def column(leaf: str) -> NDArray[np.float64]:
        return chunk.leaf("MCParticles", leaf)[positions].astype(np.float64)

    codes = decaytree.codes(chunk)[positions]
    event = chunk.event_of("MCParticles")[positions]
    index = positions - chunk.offsets("MCParticles")[event]
    flavourless = [code for code in np.unique(codes) if is_unflavoured(int(code))]
    return context.particles.append(
        len(positions),
        daughters=daughters,
        widths=widths,
        event=event,
        pdg=codes,
        px=column("m_momentum_x"), py=column("m_momentum_y"), pz=column("m_momentum_z"),
        x=column("m_productionVertex_x"), y=column("m_productionVertex_y"), z=column("m_productionVertex_z"),
        mass=column("m_mass"),
        unflavoured=np.isin(codes, flavourless),
        source=MC,
        mdst_index=index,
        object=positions,
        source_id=MC * (1 << SOURCE_BITS) + index,
        match=positions,
        decay=decay,
    )  # fmt: skip


def mc_trees(
    context: Context,
    heads: Ids,
    *,
    primary: bool,
    of_lambda: bool = False,
    final: Ints | tuple[int, ...] = (),
    decay: int = NO_DECAY,
) -> Ids:
    """Particles made from these MCParticles, with everything below them as daughters.

    Parameters
    ----------
    heads : array of int
    primary : bool
        Attach only what the generator made.
    of_lambda : bool
        Attach the daughters of Λ too, which decay in the detector.
    final : array of int
        Codes of heads that get no daughters.
    decay : int
        Number of the rules by which Monte Carlo matching looks at those with daughters.
    """
    first, count = decaytree.daughters(context.chunk)
    kept = (
        (decaytree.status(context.chunk) & decaytree.PRIMARY) != 0 if primary else np.ones(len(first), dtype=np.bool_)
    )
    codes = np.abs(decaytree.codes(context.chunk))
    plain = np.isin(codes[heads], final)
    levels: list[tuple[Ids, Ints]] = []
    current = heads
    while True:
        owner, below = decaytree.children(first, count, current)
        chosen = kept[below] | ((codes[current] == _LAMBDA)[owner] if of_lambda else False)
        if not levels:
            chosen &= ~plain[owner]
        levels.append((current, np.bincount(owner[chosen], minlength=len(current))))
        current = below[chosen]
        if len(current) == 0:
            break
    made = np.zeros(0, dtype=np.int64)
    for positions, widths in reversed(levels):
        rules = np.where(widths > 0, decay, NO_DECAY)
        made = mc_particles(context, positions, made, widths, rules)
    return made
