"""Stand-in for ``udst``: files of events with particle lists."""

import basf2 as _b2
import mdst as _mdst

from b2grid.steering.standin.build import step as _step

_BRANCHES = [
    "Particles",
    "ParticlesToMCParticles",
    "ParticlesToPIDLikelihoods",
    "ParticleExtraInfoMap",
    "EventExtraInfo",
]


def add_udst_output(path, filename, particleLists=None, additionalBranches=None, dataDescription=None, mc=True):
    """Write mDST with particle lists."""
    return _mdst.add_mdst_output(
        path,
        mc=mc,
        filename=filename,
        additionalBranches=[*_BRANCHES, *(particleLists or []), *(additionalBranches or [])],
        dataDescription={"dataLevel": "udst", **(dataDescription or {})},
    )


def add_skimmed_udst_output(
    path,
    skimDecayMode,
    skimParticleLists=None,
    outputParticleLists=None,
    additionalBranches=None,
    outputFile=None,
    dataDescription=None,
    mc=True,
):
    """Write the events in which one of the lists has a candidate."""
    wanted = list(skimParticleLists or [])
    skim, saved = _b2.create_path(), _b2.create_path()
    chosen = _step(path, "SkimFilter", "SkimFilter_" + skimDecayMode, particleLists=wanted)
    chosen.if_value("=1", skim, _b2.AfterConditionPath.CONTINUE)
    skim.add_independent_path(saved, "skim_" + skimDecayMode)
    lists = [*wanted, *(outputParticleLists or [])]
    _step(saved, "RemoveParticlesNotInLists", particleLists=lists)
    name = outputFile or skimDecayMode
    add_udst_output(
        saved,
        name if name.endswith(".udst.root") else name + ".udst.root",
        lists,
        additionalBranches,
        {"skimDecayMode": skimDecayMode, **(dataDescription or {})},
        mc,
    )


def add_udst_dump(path, print_untested=False):
    """Print uDST as text."""
    from b2grid.steering.standin.opaque import opaque_step

    opaque_step("udst.add_udst_dump", [path], {})
