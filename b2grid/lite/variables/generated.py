"""What was generated: the matched MCParticle, its relatives, and whether the candidate is what it seems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from b2grid.errors import NotInLite
from b2grid.lite.expression import Compiled, register, register_call
from b2grid.lite.particles import COMPOSITE
from b2grid.lite.reading.loadmc import mc_particles
from b2grid.lite.truth import decaytree, mcerrors
from b2grid.lite.variables.arguments import integers
from b2grid.lite.variables.kinematics import azimuth, polar, size
from b2grid.physics import is_known, particle

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import FourVector, View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]


def match_of(view: View) -> Ids:
    """The matched MCParticle, negative where there is none."""
    return view.column("match")


# ---- what is wrong


def _errors(view: View) -> Floats:
    return mcerrors.errors(view.context, view.rows).astype(np.float64)


register("mcErrors")(_errors)


def _of_errors(view: View, calculate: Callable[[Ids], NDArray[np.bool_]]) -> Floats:
    """A flag from the error bits, NaN without a match.

    Without a match the bits are not looked at: they would be remembered, and hide a match that is made later.
    """
    result = np.full(len(view), np.nan)
    matched = match_of(view) >= 0
    result[matched] = calculate(mcerrors.errors(view.context, view.rows[matched]))
    return result


def _is_signal(view: View, accepted: int) -> Floats:
    return _of_errors(view, lambda bits: (bits & ~accepted) == 0)


_ACCEPTED = {
    "isSignal": 0,
    "isSignalAcceptMissingNeutrino": mcerrors.MISSING_NEUTRINO,
    "isSignalAcceptMissingGamma": mcerrors.MISSING_GAMMA,
    "isSignalAcceptMissingMassive": mcerrors.MISSING_MASSIVE | mcerrors.MISSING_KLONG,
    "isSignalAcceptMissing": mcerrors.MISSING_NEUTRINO
    | mcerrors.MISSING_GAMMA
    | mcerrors.MISSING_MASSIVE
    | mcerrors.MISSING_KLONG,
    "isSignalAcceptWrongFSPs": mcerrors.MISIDENTIFIED | mcerrors.ADDED_WRONG,
    "isSignalAcceptBremsPhotons": mcerrors.ADDED_BREMS,
}
for _name, _accepted in _ACCEPTED.items():
    register(_name)(lambda view, accepted=_accepted: _is_signal(view, accepted))  # type: ignore[misc]


@register("isMisidentified")
def _is_misidentified(view: View) -> Floats:
    return _of_errors(view, lambda bits: (bits & mcerrors.MISIDENTIFIED) != 0)


# ---- stored values of the match


def of_match(view: View, values: Callable[[Chunk], NDArray[Any]]) -> Floats:
    """What the matched MCParticles have of a value per MCParticle, NaN without a match."""
    chunk = view.context.chunk
    return view.lookup(match_of(view), values(chunk) if chunk.has("MCParticles") else np.zeros(0))


def leaf_of(name: str) -> Callable[[Chunk], NDArray[Any]]:
    """A stored leaf of MCParticles."""
    return lambda chunk: chunk.leaf("MCParticles", name).astype(np.float64)


for _name, _stored in {
    "mcSecPhysProc": "m_secondaryPhysicsProcess",
    "mcDecayTime": "m_decayTime",
    "mcDecayVertexX": "m_decayVertex_x",
    "mcDecayVertexY": "m_decayVertex_y",
    "mcDecayVertexZ": "m_decayVertex_z",
    "mcProductionVertexX": "m_productionVertex_x",
    "mcProductionVertexY": "m_productionVertex_y",
    "mcProductionVertexZ": "m_productionVertex_z",
}.items():
    register(_name, needs="vertex" if "Vertex" in _name else "")(
        lambda view, leaf=_stored: of_match(view, leaf_of(leaf))  # type: ignore[misc]
    )

for _kind in ("Decay", "Production"):
    _leaves = tuple(f"m_{_kind.lower()}Vertex_{axis}" for axis in "xyz")
    for _index, _axis in enumerate("XYZ"):
        register(f"mc{_kind}VertexFromIP{_axis}", needs="point vertex")(
            lambda view, leaf=_leaves[_index], index=_index: (  # type: ignore[misc]
                of_match(view, leaf_of(leaf)) - view.context.point.position[index]
            )
        )


def _decay_place(view: View, *, relative: bool) -> list[Floats]:
    origin = view.context.point.position if relative else (0.0, 0.0, 0.0)
    return [of_match(view, leaf_of(f"m_decayVertex_{axis}")) - origin[i] for i, axis in enumerate("xyz")]


register("mcDecayVertexRho", needs="vertex")(lambda view: np.hypot(*_decay_place(view, relative=False)[:2]))
register("mcDecayVertexFromIPRho", needs="point vertex")(lambda view: np.hypot(*_decay_place(view, relative=True)[:2]))
register("mcDecayVertexFromIPDistance", needs="point vertex")(
    lambda view: np.sqrt(np.sum(np.square(_decay_place(view, relative=True)), axis=0))
)

register("mcPDG")(lambda view: of_match(view, decaytree.codes))
register("nMCDaughters")(lambda view: of_match(view, lambda chunk: decaytree.daughters(chunk)[1]))

register("mcParticleStatus")(lambda view: of_match(view, decaytree.status))

for _name, _bit in {
    "mcPrimary": decaytree.PRIMARY, "mcVirtual": decaytree.VIRTUAL, "mcInitial": decaytree.INITIAL,
    "mcISR": 64, "mcFSR": 128, "mcPhotos": 256,
}.items():  # fmt: skip
    register(_name)(
        lambda view, bit=_bit: of_match(view, lambda chunk: (decaytree.status(chunk) & bit) != 0)  # type: ignore[misc]
    )


def is_virtual(chunk: Chunk) -> NDArray[np.bool_]:
    """Whether an MCParticle is marked as virtual, or off its mass shell."""
    px, py, pz, energy, mass = (
        leaf_of(f"m_{name}")(chunk) for name in ("momentum_x", "momentum_y", "momentum_z", "energy", "mass")
    )
    off = np.abs(energy**2 - (px * px + py * py + pz * pz + mass * mass)) > 1e-6 * energy**2
    return np.asarray(((decaytree.status(chunk) & decaytree.VIRTUAL) != 0) | off)


def _seen(view: View, bit: int) -> Floats:
    """Whether the match was seen in a detector; NaN for composites."""
    seen = of_match(view, lambda chunk: (chunk.leaf("MCParticles", "m_seenIn.m_bits").astype(np.int64) & bit) != 0)
    return np.where(view.column("source") == COMPOSITE, np.nan, seen)


for _bit, _detector in enumerate(("PXD", "SVD", "CDC", "TOP", "ARICH", "ECL", "KLM")):
    register(f"seenIn{_detector}")(lambda view, bit=1 << _bit: _seen(view, bit))  # type: ignore[misc]


@register("isReconstructible")
def _reconstructible(view: View) -> Floats:
    """Whether the match was seen in the SVD if it is charged, and in the ECL if not."""
    charged = np.abs(charge_of_match(view)) > 0
    return np.where(charged, _seen(view, 2), _seen(view, 32))


@register("isWrongCharge")
def _wrong_charge(view: View) -> Floats:
    own, true = view.particles.nominal_charge(view.rows), charge_of_match(view)
    return np.where(np.isnan(true), np.nan, own != true)


def charge_of_match(view: View) -> Floats:
    """Charge of the match, NaN without one."""
    code = of_match(view, decaytree.codes)
    values, inverse = np.unique(code[~np.isnan(code)].astype(np.int64), return_inverse=True)
    if unknown := [int(value) for value in values if not is_known(int(value))]:
        raise NotInLite(
            f"the charge of a generated particle of the code {unknown[0]} is not covered by b2lite",
            hint="leave out particles that are matched to nuclei: abs(mcPDG) < 1000000000",
        )
    result = np.full(len(view), np.nan)
    result[~np.isnan(code)] = np.array([particle(int(value)).charge for value in values], dtype=np.float64)[inverse]
    return result


def _four_momentum(view: View) -> FourVector:
    parts = [of_match(view, leaf_of(f"m_{name}")) for name in ("momentum_x", "momentum_y", "momentum_z", "energy")]
    return view.seen((parts[0], parts[1], parts[2], parts[3]))


register("mcE")(lambda view: _four_momentum(view)[3])
register("mcP")(lambda view: size(_four_momentum(view)))
register("mcPX")(lambda view: _four_momentum(view)[0])
register("mcPY")(lambda view: _four_momentum(view)[1])
register("mcPZ")(lambda view: _four_momentum(view)[2])
register("mcPT")(lambda view: np.hypot(*_four_momentum(view)[:2]))
register("mcTheta")(lambda view: polar(_four_momentum(view)))
register("mcPhi")(lambda view: azimuth(_four_momentum(view)))


# ---- which one it is


def _index_in_event(view: View, positions: Ids, missing: float) -> Floats:
    chunk = view.context.chunk
    start = chunk.offsets("MCParticles")[view.events]
    return np.where(positions >= 0, (positions - start).astype(np.float64), missing)


register("genParticleID")(lambda view: _index_in_event(view, match_of(view), np.nan))


def ancestor_of(view: View, generations: int) -> Ids:
    """The MCParticle so many generations above the match, -1 where there is none."""
    current = match_of(view)
    if not view.context.chunk.has("MCParticles"):
        return np.full(len(view), -1, dtype=np.int64)
    mother = decaytree.mothers(view.context.chunk)
    for _ in range(generations):
        above = np.full(len(current), -1, dtype=np.int64)
        above[current >= 0] = mother[current[current >= 0]]
        current = above
    return current


def _ancestor_call(name: str) -> Callable[[Callable[[View, Ids], Floats]], None]:
    def decorate(values: Callable[[View, Ids], Floats]) -> None:
        @register_call(name, arguments=(0, 1), bare=True)
        def _build(_scope: Scope, arguments: tuple[str, ...]) -> Function:
            generations = 1 + (integers(name, arguments)[0] if arguments else 0)
            return lambda view: values(view, ancestor_of(view, generations))

    return decorate


@_ancestor_call("genMotherPDG")
def _mother_code(view: View, ancestor: Ids) -> Floats:
    if not view.context.chunk.has("MCParticles"):
        return np.zeros(len(view))
    return np.nan_to_num(view.lookup(ancestor, decaytree.codes(view.context.chunk)))


@_ancestor_call("genMotherID")
def _mother_index(view: View, ancestor: Ids) -> Floats:
    return _index_in_event(view, ancestor, 0.0)


@register("genMotherP")
def _mother_momentum(view: View) -> Floats:
    chunk, ancestor = view.context.chunk, ancestor_of(view, 1)
    parts = [leaf_of(f"m_momentum_{axis}")(chunk) if chunk.has("MCParticles") else np.zeros(0) for axis in "xyz"]
    return np.asarray(np.sqrt(sum(view.lookup(ancestor, part) ** 2 for part in parts)))


# ---- variables of other generated particles


def particles_of(view: View, positions: Ids) -> Ids:
    """Particles made from MCParticles, -1 where there is none; made once per chunk."""
    context = view.context
    known = context.cache.get("generated")
    if known is None:
        known = mc_particles(context, np.arange(context.chunk.count("MCParticles")))
        context.cache["generated"] = known
    return np.where(positions >= 0, known[positions], -1)


def _generated(name: str, pick: Callable[..., Callable[[View], Ids]], numbers_first: int) -> None:
    """Register ``name(…, variable)``: a variable of another generated particle."""

    @register_call(name, arguments=(numbers_first + 1, numbers_first + 1))
    def _build(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
        inner = scope.variable(arguments[-1])
        choose = pick(*integers(name, arguments[:numbers_first]))

        def function(view: View) -> Floats:
            if not view.context.chunk.has("MCParticles") or view.context.chunk.count("MCParticles") == 0:
                return np.full(len(view), np.nan)
            return view.of(particles_of(view, choose(view)), inner)

        of_event = name in {"genParticle", "genUpsilon4S"}
        return Compiled(name, "double", function, of_event, inner.needs)


def _pick_daughter(index: int) -> Callable[[View], Ids]:
    def choose(view: View) -> Ids:
        first, count = decaytree.daughters(view.context.chunk)
        match = match_of(view)
        return np.where((match >= 0) & (index < count[match]) & (index >= 0), first[match] + index, -1)

    return choose


def _pick_in_event(index: int) -> Callable[[View], Ids]:
    def choose(view: View) -> Ids:
        offsets = view.context.chunk.offsets("MCParticles")
        position = offsets[view.events] + index
        return np.where((index >= 0) & (position < offsets[view.events + 1]), position, -1)

    return choose


def _pick_upsilon(view: View) -> Ids:
    chunk = view.context.chunk
    offsets = chunk.offsets("MCParticles")
    first, end = offsets[view.events], offsets[view.events + 1]
    initial = (decaytree.status(chunk)[np.minimum(first, len(decaytree.status(chunk)) - 1)] & decaytree.INITIAL) != 0
    position = first + np.where(initial, 2, 0)
    there = position < end
    code = decaytree.codes(chunk)[np.where(there, position, 0)]
    return np.where(there & (code == 300553), position, -1)


_generated("mcDaughter", _pick_daughter, 1)
_generated("mcMother", lambda: lambda view: ancestor_of(view, 1), 0)
_generated("matchedMC", lambda: match_of, 0)
_generated("genParticle", _pick_in_event, 1)
_generated("genUpsilon4S", lambda: _pick_upsilon, 0)


@register_call("varForMCGen", arguments=(1, 1))
def _for_generator(scope: Scope, arguments: tuple[str, ...]) -> Compiled:
    inner = scope.variable(arguments[0])

    def function(view: View) -> Floats:
        chunk, match = view.context.chunk, match_of(view)
        if not chunk.has("MCParticles"):
            return np.full(len(view), np.nan)
        good = (
            decaytree.from_generator(chunk) & ((decaytree.status(chunk) & decaytree.INITIAL) == 0) & ~is_virtual(chunk)
        )
        passed = view.lookup(match, good) == 1
        return np.where(passed, inner(view).astype(np.float64), np.nan)

    return Compiled("varForMCGen", "double", function, needs=inner.needs)


@register("isPrimarySignal")
def _primary_signal(view: View) -> Floats:
    """0 without a match, other than `isSignal`."""
    primary = of_match(view, lambda chunk: (decaytree.status(chunk) & 1) != 0)
    return np.asarray((_is_signal(view, 0) == 1) & (primary == 1))
