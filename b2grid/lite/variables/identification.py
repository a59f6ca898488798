"""Particle identification from the stored likelihoods of tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidSteering, printable
from b2grid.lite.expression import register, register_call
from b2grid.lite.particles import TRACK
from b2grid.lite.reading import mdst
from b2grid.lite.variables.arguments import integers, numbers
from b2grid.lite.variables.clusters import cluster_of
from b2grid.physics import CHARGED_STABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Detectors = tuple[int, ...]

_ALL: Detectors = tuple(range(6))
_EVERY_HYPOTHESIS = tuple(range(6))


def _without(*names: str) -> Detectors:
    return tuple(i for i in _ALL if mdst.DETECTORS[i] not in names)


def _likelihood_of(view: View) -> NDArray[np.int64]:
    """The PIDLikelihood of each particle, -1 where there is none."""
    source, track = view.column("source"), view.column("object")
    result = np.full(len(view), -1, dtype=np.int64)
    tracked = source == TRACK
    if tracked.any():
        result[tracked] = mdst.pid_of_track(view.context.chunk)[track[tracked]]
    return result


def _summed(view: View, detectors: Detectors) -> Floats:
    """Logarithmic likelihood of the six hypotheses; NaN where no detector is available; shape (rows, 6)."""
    chunk, where = view.context.chunk, _likelihood_of(view)
    result = np.full((len(view), 6), np.nan)
    there = where >= 0
    if there.any():
        result[there] = _summed_of_all(chunk, detectors)[where[there]]
    return result


def _summed_of_all(chunk: Chunk, detectors: Detectors) -> Floats:
    """As `_summed`, of every PIDLikelihood of the chunk."""

    def make() -> Floats:
        total = np.einsum("nij->nj", mdst.log_likelihoods(chunk)[:, list(detectors)])  # as sum(axis=1), and quicker
        seen = np.asarray(mdst.pid_available(chunk)[:, list(detectors)].any(axis=1))
        return np.where(seen[:, None], total, np.nan)

    return chunk.derived(f"likelihoods {detectors}", make)


def _probabilities_of_all(chunk: Chunk, detectors: Detectors) -> Floats:
    """Share of each hypothesis in the likelihood, of every PIDLikelihood of the chunk; shape (objects, 6)."""

    def make() -> Floats:
        total = _summed_of_all(chunk, detectors)
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            likelihood = np.exp(total - total.max(axis=1, initial=-np.inf)[:, None])
            return np.asarray(likelihood / likelihood.sum(axis=1)[:, None])

    return chunk.derived(f"probabilities {detectors}", make)


def _probability(view: View, index: int | NDArray[np.int64], detectors: Detectors) -> Floats:
    where = _likelihood_of(view)
    result = np.full(len(view), np.nan)
    there = np.flatnonzero(where >= 0)
    if len(there):
        column = index if isinstance(index, int) else index[there]
        result[there] = _probabilities_of_all(view.context.chunk, detectors)[where[there], column]
    return result


def _pair(view: View, first: int, second: int, detectors: Detectors) -> Floats:
    total = _summed(view, detectors)
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(total[:, second] - total[:, first])))


_SPECIES = ("electron", "muon", "pion", "kaon", "proton", "deuteron")
for _index, _species in enumerate(_SPECIES):
    for _suffix, _used in (("", _ALL), ("_noSVD", _without("SVD"))):
        register(f"{_species}ID{_suffix}")(
            lambda view, index=_index, detectors=_used: _probability(view, index, detectors)  # type: ignore[misc]
        )
register("electronID_noTOP")(lambda view: _probability(view, 0, _without("TOP")))
register("electronID_noSVD_noTOP")(lambda view: _probability(view, 0, _without("SVD", "TOP")))


@register("particleID")
def _own(view: View) -> Floats:
    code = np.abs(view.column("pdg"))
    index = np.full(len(view), -1, dtype=np.int64)
    for position, stable in enumerate(CHARGED_STABLE):
        index[code == stable] = position
    return np.where(index >= 0, _probability(view, index, _ALL), np.nan)


@register("isPIDAvailable", "bool")
def _available(view: View) -> NDArray[np.bool_]:
    return ~np.isnan(_summed(view, _ALL)[:, 0])


# ---- functions


def _hypothesis(name: str, text: str) -> int:
    (code,) = integers(name, (text,))
    if abs(code) not in CHARGED_STABLE:
        raise InvalidSteering(
            f"{name}(): {code} is no charged stable particle", hint="11, 13, 211, 321, 2212 or 1000010020"
        )
    return mdst.hypothesis_index(code)


def _detectors(name: str, texts: tuple[str, ...]) -> Detectors:
    if not texts:
        raise InvalidSteering(f"{name}() needs detectors", hint="name them, or ALL")
    chosen: set[int] = set()
    for text in texts:
        if text.upper() == "ALL":
            chosen.update(_ALL)
        elif text.upper() in mdst.DETECTORS:
            chosen.add(mdst.DETECTORS.index(text.upper()))
        else:
            raise InvalidSteering(
                f"{name}(): {printable(text)!r} is no detector", hint=f"ALL or {', '.join(mdst.DETECTORS)}"
            )
    return tuple(sorted(chosen))


for _name, _used in (("binaryPID", _ALL), ("binaryPID_noSVD", _without("SVD"))):

    @register_call(_name, arguments=(2, 2))
    def _binary(_scope: Scope, arguments: tuple[str, ...], name: str = _name, used: Detectors = _used) -> Function:
        first, second = (_hypothesis(name, text) for text in arguments)
        return lambda view: _pair(view, first, second, used)


for _name, _used in (
    ("binaryElectronID_noTOP", _without("TOP")),
    ("binaryElectronID_noSVD_noTOP", _without("SVD", "TOP")),
):

    @register_call(_name, arguments=(1, 1))
    def _electron(_scope: Scope, arguments: tuple[str, ...], name: str = _name, used: Detectors = _used) -> Function:
        other = _hypothesis(name, arguments[0])
        return lambda view: _pair(view, 0, other, used)


@register_call("pidLogLikelihoodValueExpert", arguments=(2, -1))
def _value_of(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    name = "pidLogLikelihoodValueExpert"
    index, used = _hypothesis(name, arguments[0]), _detectors(name, arguments[1:])
    return lambda view: _summed(view, used)[:, index]


@register_call("pidDeltaLogLikelihoodValueExpert", arguments=(3, -1))
def _difference_of(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    name = "pidDeltaLogLikelihoodValueExpert"
    first, second = (_hypothesis(name, text) for text in arguments[:2])
    used = _detectors(name, arguments[2:])

    def function(view: View) -> Floats:
        total = _summed(view, used)
        return np.asarray(total[:, first] - total[:, second])

    return function


@register_call("pidMissingProbabilityExpert", arguments=(1, -1))
def _missing(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    """Whether none of the detectors is available; NaN for particles without identification."""
    used = _detectors("pidMissingProbabilityExpert", arguments)
    return lambda view: np.where(_likelihood_of(view) >= 0, np.isnan(_summed(view, used)[:, 0]), np.nan)


@register_call("isPIDAvailableFrom", "bool", arguments=(1, -1))
def _available_from(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    used = _detectors("isPIDAvailableFrom", arguments)
    return lambda view: ~np.isnan(_summed(view, used)[:, 0])


_PION, _KAON = 2, 3

for _name, _index in (("pionID_noARICHwoECL", _PION), ("kaonID_noARICHwoECL", _KAON)):

    def _mended(view: View, index: int = _index) -> Floats:
        """Without the ARICH for particles without a cluster that it takes for kaons rather than pions."""
        likelihood, alone = _likelihood_of(view), cluster_of(view) < 0
        left = np.zeros(len(view), dtype=np.bool_)
        if (likelihood >= 0).any():
            arich = mdst.log_likelihoods(view.context.chunk)[:, mdst.DETECTORS.index("ARICH")]
            left = (likelihood >= 0) & alone & (arich[likelihood, _KAON] > arich[likelihood, _PION])
        return np.where(left, _probability(view, index, _without("ARICH")), _probability(view, index, _ALL))

    register(_name)(_mended)


@register_call("pidPairProbabilityExpert", arguments=(3, -1))
def _pair_of(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    name = "pidPairProbabilityExpert"
    first, second = (_hypothesis(name, text) for text in arguments[:2])
    used = _detectors(name, arguments[2:])
    return lambda view: _pair(view, first, second, used)


@register_call("pidProbabilityExpert", arguments=(2, -1))
def _probability_of(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    index = _hypothesis("pidProbabilityExpert", arguments[0])
    used = _detectors("pidProbabilityExpert", arguments[1:])
    return lambda view: _probability(view, index, used)


def _priors(name: str, arguments: tuple[str, ...]) -> Floats:
    if len(arguments) not in {0, 6}:
        raise InvalidSteering(f"{name}() takes no priors or six of them", hint="e, mu, pi, K, p, d")
    return np.array(numbers(name, arguments) if arguments else (1 / 6,) * 6)


def _most_likely(view: View, priors: Floats) -> NDArray[np.int64]:
    """Index of the hypothesis with the largest likelihood times prior, -1 where nothing is available."""
    total = _summed(view, _ALL)
    with np.errstate(divide="ignore"):
        weighted = total + np.log(priors)
    known = ~np.isnan(total[:, 0])
    result = np.full(len(view), -1, dtype=np.int64)
    result[known] = np.argmax(weighted[known], axis=1)
    return result


@register_call("pidIsMostLikely", "bool", arguments=(0, 6))
def _is_most_likely(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    priors = _priors("pidIsMostLikely", arguments)
    codes = np.array(CHARGED_STABLE)

    def function(view: View) -> NDArray[np.bool_]:
        index = _most_likely(view, priors)
        return np.asarray((index >= 0) & (codes[index] == np.abs(view.column("pdg"))))

    return function


@register_call("pidMostLikelyPDG", arguments=(0, 6))
def _most_likely_code(_scope: Scope, arguments: tuple[str, ...]) -> Function:
    priors = _priors("pidMostLikelyPDG", arguments)
    codes = np.array(CHARGED_STABLE, dtype=np.float64)

    def function(view: View) -> Floats:
        index = _most_likely(view, priors)
        return np.where(index >= 0, codes[index], np.nan)

    return function
