#!/usr/bin/env python3

"""B0 -> eta' K_S0 in three channels of the eta', each in its own tree of one file.

    channel 1: eta' -> eta pi+ pi-, eta -> gamma gamma
    channel 2: eta' -> eta pi+ pi-, eta -> pi+ pi- pi0
    channel 3: eta' -> rho0 gamma, rho0 -> pi+ pi-

Runs with basf2 and with b2lite: all three channels in one pass over the input.
"""

import basf2 as b2
import modularAnalysis as ma
import variables.collections as vc
import variables.utils as vu
from variables import variables as vm

path = b2.create_path()
ma.inputMdst(filename="mdst.root", path=path)

# final-state particles
track = "dr < 0.5 and abs(dz) < 3 and thetaInCDCAcceptance"
ma.fillParticleList("pi+:good", f"{track} and pionID > 0.1", path=path)
ma.fillParticleList("pi+:soft", "dr < 2 and abs(dz) < 5 and thetaInCDCAcceptance", path=path)
ma.fillParticleList("gamma:eta", "E > 0.1 and clusterE9E21 > 0.7 and thetaInCDCAcceptance", path=path)
ma.fillParticleList("gamma:pi0", "E > 0.04 and clusterNHits > 1.5 and thetaInCDCAcceptance", path=path)
ma.fillParticleList("gamma:rho", "E > 0.1 and clusterE9E21 > 0.7 and thetaInCDCAcceptance", path=path)

# K_S0: V0s of the tracking
ma.fillParticleList("K_S0:good -> pi+ pi-", "0.46 < M < 0.54", path=path)

# intermediate states
ma.reconstructDecay("pi0:good -> gamma:pi0 gamma:pi0", "0.115 < M < 0.150", path=path)
ma.reconstructDecay("eta:gg -> gamma:eta gamma:eta", "0.50 < M < 0.58", path=path)
ma.reconstructDecay("eta:3pi -> pi+:soft pi-:soft pi0:good", "0.52 < M < 0.57", path=path)
ma.reconstructDecay("rho0:pipi -> pi+:good pi-:good", "0.50 < M < 0.95", path=path)

ma.reconstructDecay("eta':ch1 -> eta:gg pi+:soft pi-:soft", "0.92 < M < 0.99", dmID=1, path=path)
ma.reconstructDecay("eta':ch2 -> eta:3pi pi+:soft pi-:soft", "0.92 < M < 0.99", dmID=2, path=path)
ma.reconstructDecay("eta':ch3 -> rho0:pipi gamma:rho", "0.92 < M < 0.99", dmID=3, path=path)

# what goes into the trees
vm.addAlias("etap_M", "daughter(0, M)")
vm.addAlias("etap_massDifference", "daughter(0, massDifference(0))")
vm.addAlias("Ks_M", "daughter(1, M)")
vm.addAlias("pCMS", "useCMSFrame(p)")
vm.addAlias("cosThetaCMS", "useCMSFrame(cosTheta)")

event = ["nTracks", "nCleanedTracks(dr < 2 and abs(dz) < 4)", "Ecms"]
candidate = [*vc.deltae_mbc, "M", "pCMS", "cosThetaCMS", "etap_M", "etap_massDifference", "Ks_M"]
candidate += ["daughter(1, p)", "daughterAngle(0, 1)"]
truth = ["isSignal", "mcErrors", "mcPDG", "genMotherPDG"]
pions = {
    "ch1": vu.create_aliases(
        ["p", "pt", "dr", "dz", "pionID", "kaonID"], "daughter(0, daughter(1, {variable}))", "pi1"
    ),
    "ch2": vu.create_aliases(
        ["p", "pt", "dr", "dz", "pionID", "kaonID"], "daughter(0, daughter(1, {variable}))", "pi1"
    ),
    "ch3": vu.create_aliases(
        ["p", "pt", "dr", "dz", "pionID", "kaonID"], "daughter(0, daughter(0, daughter(0, {variable})))", "rhopi1"
    ),
}

for channel in ["ch1", "ch2", "ch3"]:
    candidates = f"B0:{channel}"
    ma.reconstructDecay(
        f"{candidates} -> eta':{channel} K_S0:good",
        "Mbc > 5.20 and abs(deltaE) < 0.3",
        dmID=int(channel[-1]),
        path=path,
    )
    ma.matchMCTruth(candidates, path=path)
    # the candidate whose eta' is closest to its mass comes first
    ma.rankByLowest(candidates, "abs(formula(etap_M - 0.95778))", numBest=0, outputVariable="etap_rank", path=path)
    ma.variablesToNtuple(
        candidates,
        candidate + event + pions[channel] + truth + ["extraInfo(etap_rank)"],
        treename=f"B0{channel}",
        filename="B2EtapKs.root",
        path=path,
    )

b2.process(path)
print(b2.statistics)
