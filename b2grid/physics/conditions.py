"""Beams and interaction point, which basf2 reads from its database, where they are known without one.

basf2 has three small payloads for the beams: the boost vector, the invariant mass √s, and the collision axis
in the CMS. Going from the laboratory to the CMS is a pure boost with −β, then the rotation that brings the
electron (HER) direction onto +z. Monte Carlo of the experiments 0 and 1003 uses the nominal values exactly.

What is not known is refused, never guessed: real data change from run to run.

Monte Carlo of experiment 0 was moved: up to release-05 it is generated about the origin, where the payload of
release-05 has the interaction point; in files of release-06 and later the generated vertices lie about the point of
experiment 1003 (to 10 µm across the beams, in files of release-06, of release-09 and of July 2022).

The demo data
-------------
Files of the package's own demo data have `DEMO_GLOBAL_TAG` among their production global tags. That tag
*names* the nominal beams and the interaction point of experiment 1003, also for the demo's data-like sample,
which is no Monte Carlo as far as its metadata say. No file of the experiment has this tag, so nothing real falls
under the rule.

Units: GeV, radian, cm.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from b2grid.errors import InvalidInput, printable

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Vector = tuple[float, float, float]

__all__ = [
    "DEMO_GLOBAL_TAG",
    "NOMINAL",
    "Beams",
    "InteractionPoint",
    "beams",
    "interaction_point",
    "photon_resolution_is_stored",
]

DEMO_GLOBAL_TAG = "demo_nominal"
"""The production global tag by which the package's demo data ask for nominal conditions."""

_ELECTRON_MASS = 0.00051099895
_CROSSING = 0.0415  # half the crossing angle: of each beam to the z axis, in the x-z plane


@dataclass(frozen=True, slots=True)
class Beams:
    """Energy and directions of the collision, as one four-momentum and the axis of the electrons.

    Parameters
    ----------
    energy : float
        Energy of both beams together in the laboratory.
    momentum : tuple of float
        (px, py, pz) of both beams together in the laboratory.
    axis : tuple of float
        Angles atan(px/pz), atan(py/pz) of the electrons in the boosted frame, before the rotation.
    """

    energy: float
    momentum: Vector
    axis: tuple[float, float]

    @classmethod
    def of(cls, electron: Vector, positron: Vector) -> Beams:
        """Beams from the laboratory momenta (px, py, pz) of the electrons and the positrons."""
        energies = [math.sqrt(sum(p * p for p in beam) + _ELECTRON_MASS**2) for beam in (electron, positron)]
        total = (electron[0] + positron[0], electron[1] + positron[1], electron[2] + positron[2])
        unrotated = cls(sum(energies), total, (0.0, 0.0))
        px, py, pz, _ = (float(x) for x in unrotated.to_cms(*electron, energies[0]))
        return cls(sum(energies), total, (math.atan(px / pz), math.atan(py / pz)))

    @classmethod
    def nominal(cls, electron: float = 7.004, positron: float = 4.002) -> Beams:
        """Beams of these energies under the nominal crossing angle of twice 41.5 mrad.

        6.964 and 3.979 GeV are the off-resonance point, 7.200 and 4.114 GeV the Υ(5S).
        """
        high, low = (math.sqrt(energy**2 - _ELECTRON_MASS**2) for energy in (electron, positron))
        return cls.of(
            (high * math.sin(_CROSSING), 0.0, high * math.cos(_CROSSING)),
            (low * math.sin(_CROSSING), 0.0, -low * math.cos(_CROSSING)),
        )

    @property
    def boost(self) -> Vector:
        """The velocity β of the centre of mass in the laboratory."""
        px, py, pz = self.momentum
        return px / self.energy, py / self.energy, pz / self.energy

    @property
    def sqrt_s(self) -> float:
        """The invariant mass of the collision."""
        return math.sqrt(self.energy**2 - sum(p * p for p in self.momentum))

    @property
    def rotation(self) -> NDArray[np.float64]:
        """The 3×3 matrix that brings the electrons of the boosted frame onto +z."""
        x, y = math.tan(self.axis[0]), math.tan(self.axis[1])
        sine = math.hypot(x, y) / math.sqrt(1 + x * x + y * y)
        if sine == 0:
            return np.eye(3)
        # about the unit vector ẑ × e by −asin|ẑ × e| (Rodrigues' formula)
        u = np.array([-y, x, 0.0]) / math.hypot(x, y)
        cross = np.array([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]])
        return np.asarray(
            np.eye(3) - sine * cross + (1 - math.sqrt(1 - sine * sine)) * (cross @ cross), dtype=np.float64
        )

    def to_cms(
        self, px: ArrayLike, py: ArrayLike, pz: ArrayLike, energy: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Four-momenta (or places and times) in the CMS from those in the laboratory; any shape."""
        beta = self.boost
        x, y, z, t = _boosted(px, py, pz, energy, (-beta[0], -beta[1], -beta[2]))
        r = self.rotation
        return (
            r[0, 0] * x + r[0, 1] * y + r[0, 2] * z,
            r[1, 0] * x + r[1, 1] * y + r[1, 2] * z,
            r[2, 0] * x + r[2, 1] * y + r[2, 2] * z,
            t,
        )

    def to_lab(
        self, px: ArrayLike, py: ArrayLike, pz: ArrayLike, energy: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Four-momenta in the laboratory from those in the CMS: the inverse of `to_cms`."""
        x, y, z = (np.asarray(value, dtype=np.float64) for value in (px, py, pz))
        r = self.rotation
        return _boosted(
            r[0, 0] * x + r[1, 0] * y + r[2, 0] * z,
            r[0, 1] * x + r[1, 1] * y + r[2, 1] * z,
            r[0, 2] * x + r[1, 2] * y + r[2, 2] * z,
            energy,
            self.boost,
        )


def _boosted(
    px: ArrayLike, py: ArrayLike, pz: ArrayLike, energy: ArrayLike, beta: Vector
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    x, y, z, t = (np.asarray(value, dtype=np.float64) for value in (px, py, pz, energy))
    b2 = beta[0] ** 2 + beta[1] ** 2 + beta[2] ** 2
    gamma = 1 / math.sqrt(1 - b2)
    along = beta[0] * x + beta[1] * y + beta[2] * z
    # (γ − 1)/β² written without the division, which is 0/0 for a frame at rest
    factor = gamma * gamma / (1 + gamma) * along + gamma * t
    return x + factor * beta[0], y + factor * beta[1], z + factor * beta[2], gamma * (t + along)


NOMINAL = Beams.nominal()
"""Υ(4S): electrons of 7.004 GeV at 41.5 mrad to z, positrons of 4.002 GeV at π − 41.5 mrad, both px > 0."""


@dataclass(frozen=True, slots=True)
class InteractionPoint:
    """Where the beams collide.

    Parameters
    ----------
    position : tuple of float
        (x, y, z) in cm.
    covariance : tuple of tuples, or None
        3×3 in cm²; `None` where it is not known: what needs it has to be refused.
    source : str
        Where the numbers come from, for a log.
    """

    position: Vector
    covariance: tuple[Vector, Vector, Vector] | None
    source: str


_SPREAD = ((3.168192e-06, 0.0, 0.0), (0.0, 5.153112e-06, 0.0), (0.0, 0.0, 3.114704e-04))
_IP_1003 = (-0.05, 0.017, -0.01)
_IP_0 = (1.47059e-05, 7.91667e-05, -0.000703704)


def _is_demo(global_tag: str) -> bool:
    return DEMO_GLOBAL_TAG in re.split(r"[,\s]+", global_tag)


def _refuse(what: str, experiment: int, is_mc: bool, more: str = "") -> InvalidInput:
    kind = "MC" if is_mc else "data"
    return InvalidInput(
        f"the {what} of {kind} experiment {experiment}{more} cannot be known without the conditions database",
        hint="run this sample with a basf2 release, or leave out what depends on it",
    )


def beams(experiment: int, is_mc: bool, global_tag: str = "") -> Beams:
    """The beams of a file.

    Parameters
    ----------
    experiment : int
        Number of the experiment, from the event's or the file's metadata.
    is_mc : bool
        Whether the file is Monte Carlo.
    global_tag : str
        The file's production global tags, comma-separated: `DEMO_GLOBAL_TAG` among them names nominal beams.

    Raises
    ------
    InvalidInput
        For real data, and for experiments other than 0 and 1003: the values depend on the run.
    """
    if _is_demo(global_tag) or (is_mc and experiment in {0, 1003}):
        return NOMINAL
    raise _refuse("beam energies and axis", experiment, is_mc)


def _major(release: str, global_tag: str, otherwise: int) -> int:
    """Number of the release, or of the one that a build without a number belongs to.

    >>> _major("release-05-01-06", "", 0), _major("01b497c", "main_2022-07-05", 0), _major("01b497c", "", 0)
    (5, 6, 0)
    """
    if found := re.match(r"(?:pre)?release-(\d+)", release):
        return int(found[1])
    if numbers := re.findall(r"release-(\d\d)", global_tag):
        return max(map(int, numbers))
    # release-06 is of 2021
    years = re.findall(r"(?:main_20|light-)(\d\d)", f"{release},{global_tag}")
    return 6 if any(int(year) > 21 for year in years) else otherwise


def interaction_point(experiment: int, is_mc: bool, release: str, global_tag: str = "") -> InteractionPoint:
    """The interaction point of a file.

    Parameters
    ----------
    experiment, is_mc, global_tag
        As in `beams`.
    release : str
        basf2 release of the file, such as ``release-05-01-06``. Of a development build (``main``, a commit)
        and of a light release the global tags say how old it is; experiment 1003 is taken as later than release-05.

    Raises
    ------
    InvalidInput
        Where it is not known; see the module.
    """
    if _is_demo(global_tag):
        return InteractionPoint(_IP_1003, _SPREAD, f"nominal, by the global tag {DEMO_GLOBAL_TAG}")
    major = _major(release, global_tag, 5 if experiment == 1003 else 0)
    if is_mc and experiment == 1003 and major >= 5:
        return InteractionPoint(_IP_1003, None, "MC experiment 1003, release-05 and later")
    if is_mc and experiment == 1003 and major == 3:
        return InteractionPoint((0.0, 0.0, 0.0), None, "MC experiment 1003, release-03")
    if is_mc and experiment == 0 and major == 5:
        return InteractionPoint(_IP_0, _SPREAD, "MC experiment 0, conditions of release-05")
    if is_mc and experiment == 0 and major > 5:
        return InteractionPoint(_IP_1003, None, "MC experiment 0, release-06 and later: where it is generated")
    raise _refuse("interaction point", experiment, is_mc, f" of {printable(release) or 'an unnamed release'}")


def photon_resolution_is_stored(experiment: int, is_mc: bool, global_tag: str = "") -> None:
    """Make sure that the energy of a photon has the error that its cluster stores.

    basf2 puts the resolution of a payload in its place, where the database has one.

    Parameters
    ----------
    experiment, is_mc, global_tag
        As in `beams`.

    Raises
    ------
    InvalidInput
        Where there may be a payload: in all but the package's own demo data.
    """
    if not _is_demo(global_tag):
        raise _refuse("resolution of photon energies", experiment, is_mc)
