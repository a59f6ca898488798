"""Stand-in for ``stdPhotons``: standard lists of photons."""

import modularAnalysis as _ma

# energies above which a cluster counts: forward, barrel, backward; and what else is asked for
_PI0_EFFICIENCY = {
    "10": ((0.200, 0.100, 0.180), "clusterE1E9 > 0.5"),
    "20": ((0.120, 0.030, 0.080), "clusterE1E9 > 0.4"),
    "30": ((0.080, 0.030, 0.060), ""),
    "40": ((0.080, 0.030, 0.060), ""),
    "50": ((0.025, 0.025, 0.040), ""),
    "60": ((0.0225, 0.020, 0.020), ""),
}


def _pi0_cut(percent):
    energies, extra = _PI0_EFFICIENCY[percent]
    regions = " or ".join(f"[clusterReg == {region} and E > {energy}]" for region, energy in enumerate(energies, 1))
    return f"clusterNHits > 1.5 and thetaInCDCAcceptance and [{regions}]" + (f" and {extra}" if extra else "")


def stdPhotons(listtype="loose", path=None, beamBackgroundMVAWeight="", fakePhotonMVAWeight="", biasCorrectionTable=""):
    """Fill a standard list of photons."""
    name = f"gamma:{listtype}"
    known = [f"pi0eff{percent}_May2020" for percent in _PI0_EFFICIENCY]
    if listtype == "all":
        _ma.fillParticleList(name, "", path=path)
    elif listtype == "cdc":
        _ma.fillParticleList(name, "inCDCAcceptance", path=path)
    elif listtype == "loose":
        stdPhotons("cdc", path, beamBackgroundMVAWeight, fakePhotonMVAWeight, biasCorrectionTable)
        _ma.cutAndCopyList(
            name, "gamma:cdc", "clusterErrorTiming < 1e6 and [clusterE1E9 > 0.4 or E > 0.075]", path=path
        )
    elif listtype == "tight":
        stdPhotons("loose", path, beamBackgroundMVAWeight, fakePhotonMVAWeight, biasCorrectionTable)
        _ma.cutAndCopyList(
            name,
            "gamma:loose",
            "[clusterReg == 1 and E > 0.05] or [clusterReg == 2 and E > 0.05] or [clusterReg == 3 and E > 0.075]",
            path=path,
        )
    elif listtype in known:
        _ma.fillParticleList(name, _pi0_cut(listtype.removeprefix("pi0eff")[:2]), path=path)
    else:
        raise ValueError(
            f'"{listtype}" is not a standard list of photons; '
            f"there are {', '.join(['all', 'cdc', 'loose', 'tight', *known])}"
        )
    if listtype not in ("loose", "tight"):
        _weights(name, beamBackgroundMVAWeight, fakePhotonMVAWeight, biasCorrectionTable, path)


def _weights(name, beam_background, fake_photon, bias, path):
    if beam_background:
        _ma.getBeamBackgroundProbability(particleList=name, weight=beam_background, path=path)
    if fake_photon:
        _ma.getFakePhotonProbability(particleList=name, weight=fake_photon, path=path)
    if bias:
        _ma.correctEnergyBias(inputListNames=[name], tableName=bias, path=path)


def loadStdSkimPhoton(path):
    """Fill the photons that skims use."""
    stdPhotons("loose", path)
    _ma.cutAndCopyList("gamma:skim", "gamma:loose", "", path=path)


def loadStdGoodBellePhoton(path):
    """Fill good photons of Belle."""
    _ma.fillParticleList("gamma:goodBelle", "goodBelleGamma == 1 and clusterBelleQuality == 0", path=path)
