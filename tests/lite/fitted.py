"""Particles of a file without a steering, covariances by differences, and candidates that look fitted."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np

from b2grid.lite.context import Context
from b2grid.lite.expression import Scope
from b2grid.lite.particles import COMPOSITE
from b2grid.lite.reading.load import load_tracks
from b2grid.lite.reading.reader import Selection, chunks, open_files
from b2grid.lite.view import View
from b2grid.steering.standin import Log, LogLevel

DEMO = Path(str(files("b2grid.catalogue"))) / "demo" / "data"
SIGNAL = DEMO / "signal1_prod00090101_01.root"


def context_of(path):
    """The events of a file, without a path that looks at them."""
    (chunk,) = chunks(open_files([str(path)]), Selection())
    return Context(chunk, Log(LogLevel.ERROR), chunk.alive)


def propagated(function, parameters, errors, step=1e-6):
    """J C Jᵀ with derivatives from differences; `function` takes and gives one row per object."""
    columns = []
    for index in range(parameters.shape[1]):
        width = step * np.maximum(np.abs(parameters[:, index]), 1e-3)
        up, down = parameters.copy(), parameters.copy()
        up[:, index] += width
        down[:, index] -= width
        columns.append((function(up) - function(down)) / (2 * width)[:, None])
    slope = np.stack(columns, axis=2)
    return slope @ errors @ slope.transpose(0, 2, 1)


def values(context, ids, name):
    """A variable of particles."""
    return Scope().variable(name)(View(context, ids))


def root(matrices):
    return np.sqrt(np.einsum("nii->ni", matrices))


def composites(context, *widths, fitted=False, seed=1):
    """Candidates of pions, per number of daughters; with `fitted` each gets a vertex and a covariance."""
    rng = np.random.default_rng(seed)
    pions = load_tracks(context, 211)
    made = []
    for width in widths:
        daughters = pions[: len(pions) // width * width].reshape(-1, width)
        columns = {name: getattr(context.particles, name)[daughters].sum(axis=1) for name in ("px", "py", "pz")}
        energy = context.particles.energy[daughters].sum(axis=1)
        mass = np.sqrt(energy**2 - sum(value**2 for value in columns.values()))
        made.append(
            context.particles.append(
                len(daughters), daughters=daughters, event=context.particles.event[daughters[:, 0]],
                pdg=421, mass=mass, source=COMPOSITE, p_value=-1.0, **columns,
            )
        )  # fmt: skip
    ids = np.concatenate(made)
    if fitted:
        scale = np.array([0.01, 0.01, 0.01, 0.01, 0.004, 0.004, 0.01])
        roots = scale[:, None] * rng.normal(size=(len(ids), 7, 7))
        momentum = np.stack([getattr(context.particles, name)[ids] for name in ("px", "py", "pz")], axis=1)
        place = context.point.position + rng.normal(size=(len(ids), 3)) * 0.1
        errors = roots @ roots.transpose(0, 2, 1)
        context.particles.set_fitted(ids, momentum, context.particles.mass[ids], place, errors, np.full(len(ids), 0.5))
    return ids


def vector(context, ids, prefix=""):
    return np.stack([getattr(context.particles, f"{prefix}{axis}")[ids] for axis in "xyz"], axis=1)
