"""Stand-in for ``stdCharged``: standard lists of tracks."""

import modularAnalysis as _ma

from b2grid.steering.standin.opaque import opaque_step as _opaque_step

_SYMBOL = {"pi": "pi+", "K": "K+", "p": "p+", "e": "e+", "mu": "mu+"}
_chargednames = list(_SYMBOL)  # scripts look at it, in spite of its name
_PID = {"pi": "pionID", "K": "kaonID", "p": "protonID", "e": "electronID", "mu": "muonID"}
_GOOD = "thetaInCDCAcceptance and dr < 0.5 and abs(dz) < 2"
# identification of 95, 90 and 85 per cent efficiency
_EFFICIENCY = {
    "pi": {"95eff": 0.001, "90eff": 0.019, "85eff": 0.098},
    "K": {"95eff": 5e-6, "90eff": 0.027, "85eff": 0.167},
    "p": {"90eff": 0.043, "85eff": 0.251},
    "e": {"95eff": 0.093, "90eff": 0.301, "85eff": 0.709},
    "mu": {"95eff": 0.187, "90eff": 0.418, "85eff": 0.909},
}
_LISTS = ("all", "good", "loose", "loosepid", "higheff", "95eff", "90eff", "85eff")


def _cut(particletype, listtype):
    pid = _PID[particletype]
    if listtype in _EFFICIENCY[particletype]:
        return f"{pid} > {_EFFICIENCY[particletype][listtype]} and {_GOOD}"
    return {
        "all": "",
        "good": f"{pid} > 0.5 and {_GOOD}",
        "loose": f"{pid} > 0.1 and {_GOOD}",
        "loosepid": f"{pid} > 0.1",
        "higheff": f"{pid} > 0.002 and {_GOOD}",
    }[listtype]


def stdCharged(particletype, listtype, path, writeOut=False):
    """Fill a standard list of tracks."""
    if particletype not in _SYMBOL:
        raise ValueError(
            f'The requested list is not a standard charged particle: "{particletype}"; there are {", ".join(_SYMBOL)}'
        )
    if listtype not in _LISTS or (listtype == "95eff" and particletype == "p"):
        raise ValueError(
            f'"{listtype}" is not a standard list of {_SYMBOL[particletype]}; there are {", ".join(_LISTS)}'
        )
    _ma.fillParticleList(f"{_SYMBOL[particletype]}:{listtype}", _cut(particletype, listtype), writeOut, path=path)


def stdPi(listtype="good", path=None, writeOut=False):
    """Fill a standard list of pions."""
    stdCharged("pi", listtype, path, writeOut)


def stdK(listtype="good", path=None, writeOut=False):
    """Fill a standard list of kaons."""
    stdCharged("K", listtype, path, writeOut)


def stdPr(listtype="good", path=None, writeOut=False):
    """Fill a standard list of protons."""
    stdCharged("p", listtype, path, writeOut)


def _working_point(function, listtype, path):
    _opaque_step(f"stdCharged.{function}({listtype!r})", [path], {"listtype": listtype})


def _leptons(function, symbol, given):
    """A standard list; a working point, or an option of one, needs payloads."""
    listtype, path = given.pop("listtype"), given.pop("path")
    if listtype in _LISTS and all(value is None for value in given.values()):
        stdCharged(symbol, listtype, path)
    else:
        _working_point(function, listtype, path)
    return None, None


def stdE(
    listtype="good",
    method=None,
    classification=None,
    lid_weights_gt=None,
    release=None,
    channel_eff=None,
    channel_misid_pi=None,
    channel_misid_K=None,
    inputListName=None,
    outputListLabel=None,
    trainingModeMulticlass=None,
    trainingModeBinary=None,
    path=None,
):
    """Fill a standard list of electrons; working points of the lepton identification need payloads."""
    return _leptons("stdE", "e", dict(locals()))


def stdMu(
    listtype="good",
    method=None,
    classification=None,
    lid_weights_gt=None,
    release=None,
    channel_eff=None,
    channel_misid_pi=None,
    channel_misid_K=None,
    inputListName=None,
    outputListLabel=None,
    trainingModeMulticlass=None,
    trainingModeBinary=None,
    path=None,
):
    """Fill a standard list of muons; working points of the lepton identification need payloads."""
    return _leptons("stdMu", "mu", dict(locals()))


def stdLep(
    pdgId,
    working_point,
    method,
    classification,
    lid_weights_gt,
    release=None,
    channel_eff=None,
    channel_misid_pi=None,
    channel_misid_K=None,
    inputListName=None,
    outputListLabel=None,
    trainingModeMulticlass=None,
    trainingModeBinary=None,
    path=None,
):
    """Fill a list of leptons at a working point, which needs payloads."""
    _working_point("stdLep", working_point, path)
    return None, None


def stdMostLikely(pidPriors=None, suffix="", custom_cuts="", path=None, writeOut=False):
    """Fill lists of tracks, each track where it most likely belongs."""
    quality = custom_cuts or "thetaInCDCAcceptance and nCDCHits > 20"
    priors = "" if pidPriors is None else str(list(pidPriors))[1:-1]
    for symbol in ("e+", "pi+", "K+", "p+", "mu+"):
        _ma.fillParticleList(
            f"{symbol}:mostlikely{suffix}",
            f"pidIsMostLikely({priors}) > 0 and {quality}",
            writeOut,
            path=path,
        )
