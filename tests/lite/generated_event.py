"""The generated particles of the test files as plain lists, to walk them one after the other."""

from __future__ import annotations

import functools
import math

import numpy as np
import uproot

FINAL = {11, 12, 13, 14, 16, 22, 211, 321, 2212, 310, 130, 2112}
NEUTRINOS = {12, 14, 16}


class Event:
    """The generated particles of one event, as plain lists."""

    def __init__(self, leaves, entry):
        self.pdg, self.status, mother, first, last, *vector = (leaf[entry] for leaf in leaves)
        self.mother = [m - 1 for m in mother]
        self.daughters = [list(range(a - 1, b)) if a > 0 else [] for a, b in zip(first, last, strict=True)]
        self.p4 = list(zip(*vector, strict=True))

    def __len__(self):
        return len(self.pdg)

    def ancestors(self, one):
        """A particle, its mother, and so on."""
        while one is not None and one >= 0:
            yield one
            one = self.mother[one]

    def descendants(self, one):
        """Everything below, each followed by its own, as far as matching looks."""
        if abs(self.pdg[one]) in FINAL - {310}:
            return
        for below in self.daughters[one]:
            yield below
            yield from self.descendants(below)

    def everything(self, one):
        for below in self.daughters[one]:
            yield below
            yield from self.everything(below)

    def sum(self, some):
        return np.sum([self.p4[one] for one in some], axis=0) if some else np.zeros(4)


@functools.cache
def events_of(path):
    names = ("m_pdg", "m_status", "m_mother", "m_firstDaughter", "m_lastDaughter",
             "m_momentum_x", "m_momentum_y", "m_momentum_z", "m_energy")  # fmt: skip
    with uproot.open(path) as file:
        found = {branch.name.rpartition(".")[2]: branch for branch in file["tree"]["MCParticles"].branches}
        leaves = [found[name].array().tolist() for name in names]
        numbers = file["tree/EventMetaData/m_event"].array().tolist()
    return {number: Event(leaves, entry) for entry, number in enumerate(numbers)}


@functools.cache
def relation(path, name):
    """Per event the pairs (from, to, weight) in stored order."""
    with uproot.open(path) as file:
        tree = file["tree"]
        origin, to, weight = (
            tree[f"{name}/m_elements/m_elements.{p}"].array().tolist() for p in ("m_from", "m_to", "m_weights")
        )
        numbers = tree["EventMetaData/m_event"].array().tolist()
    return {
        number: [
            (f, t, w)
            for f, ts, ws in zip(origin[entry], to[entry], weight[entry], strict=True)
            for t, w in zip(ts, ws, strict=True)
        ]
        for entry, number in enumerate(numbers)
    }


def mass(vector):
    square = vector[3] ** 2 - sum(x * x for x in vector[:3])
    return math.copysign(math.sqrt(abs(square)), square)


def rows(tree):
    for row in range(len(tree["__event__"])):
        yield int(tree["__event__"][row]), {name: tree[name][row] for name in tree}


def index(value):
    return None if np.isnan(value) else int(value)
