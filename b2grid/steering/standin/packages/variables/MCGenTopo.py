"""Stand-in for ``variables.MCGenTopo``: variables that describe the generated decay."""

from variables import variables as _variables
from variables.utils import create_aliases as _create_aliases


def mc_gen_topo(n=200):
    """Make the variables that a topology analysis wants, for the first `n` generated particles."""
    indices = [str(index) for index in range(n)]
    codes = _create_aliases(indices, "genParticle({variable}, varForMCGen(PDG))", "MCGenPDG")
    mothers = _create_aliases(indices, "genParticle({variable}, varForMCGen(mcMother(mdstIndex)))", "MCGenMothIndex")
    _variables.addAlias("nMCGen", "nMCParticles")
    return ["nMCGen", *(name for pair in zip(codes, mothers, strict=True) for name in pair)]
