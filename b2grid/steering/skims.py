"""Skims by name or code, and a steering that stores for every event which of them it passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.errors import Finding, InvalidInput, nearest, printable
from b2grid.names import Skim, skims
from b2grid.steering import facts
from b2grid.steering.steering import MADE, Steering

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["find_skims", "known_skims", "skim_steering"]


def known_skims(release: str = "main") -> tuple[Skim, ...]:
    """The skims of a release, by name; of a release whose own list is not known, those of the latest.

    Raises
    ------
    InvalidInput
        If it is not the name of a release.
    """
    combined = {skim.code: skim.combined for skim in skims()}
    own = sorted(facts.load(release).skims.items())
    return tuple(Skim(name, code, group, combined.get(code)) for name, (code, group) in own)


def find_skims(asked: str | Iterable[str], release: str = "main") -> tuple[Skim, ...]:
    """The skims that are asked for by name or by code, each once and in that order.

    Raises
    ------
    InvalidInput
        If one is unknown, or none is asked for; the findings name each with the nearest names.

    Examples
    --------
    >>> [skim.name for skim in find_skims(["13160200", "TauThrust"])]
    ['TDCPV_ccs', 'TauThrust']
    """
    known = {key: skim for skim in known_skims(release) for key in (skim.name, skim.code)}
    words = [asked] if isinstance(asked, str) else [str(word) for word in asked]
    if not words:
        raise InvalidInput("no skim was asked for", hint="name some: b2grid skims lists them")
    unknown = tuple(
        Finding("B2S212", "error", f"no skim has the name or code {printable(word[:80])!r}", _near(word, known))
        for word in dict.fromkeys(words)
        if word not in known
    )
    if unknown:
        said = unknown[0].message if len(unknown) == 1 else f"{len(unknown)} skims are not known"
        raise InvalidInput(said, hint=unknown[0].hint, findings=unknown)
    return tuple(dict.fromkeys(known[word] for word in words))


def _near(word: str, known: Iterable[str]) -> str:
    found = nearest(word, known)
    return f"did you mean {' or '.join(found)}?" if found else "b2grid skims lists them"


_TEXT = '''"""Stores for every event whether it passes {count}: {names}.

The skims write no output of their own.
"""
{made}

import basf2
import modularAnalysis as ma
from skim.core import CombinedSkim
from skim.registry import Registry

SKIMS = {listed}

ANALYSIS = {tag}
basf2.conditions.prepend_globaltag(ANALYSIS)

path = basf2.create_path()
ma.inputMdstList([], path=path)  # the files come with -i

skims = [Registry.get_skim_function(name)() for name in SKIMS]
for skim in skims:
    skim.analysisGlobaltag = ANALYSIS  # those with the FEI ask for it
# together, so that lists that several of them use are made once
CombinedSkim(*skims, udstOutput=False)(path)

flags = [f"eventExtraInfo(passes_{{name}})" for name in SKIMS]
ma.variablesToNtuple("", flags, treename={tree!r}, filename={file!r}, path=path)

basf2.process(path)
'''


def skim_steering(
    skims: str | Iterable[str],
    *,
    tree: str = "skims",
    filename: str = "skims.root",
    analysis_globaltag: str | None = None,
    release: str = "main",
) -> Steering:
    """A steering that runs skims without their own output and stores their flags, a row per event.

    Run it on signal; `Project.skim_efficiencies` makes a table of what it stored. Combined with the steering of
    an analysis, it tells what each skim keeps of the events that the analysis selects. It needs basf2: skims are
    part of it.

    Parameters
    ----------
    skims : str or iterable of str
        Names or eight-digit codes.
    tree, filename : str
        Where the flags go.
    analysis_globaltag : str, optional
        The analysis global tag; by default the one that the release recommends.
    release : str
        Whose skims are known.

    Raises
    ------
    InvalidInput
        If a skim is unknown; the findings name each with the nearest names.

    Examples
    --------
    >>> print(skim_steering(["TDCPV_ccs", "19130310"]).text.splitlines()[0])
    \"\"\"Stores for every event whether it passes 2 skims: TDCPV_ccs, BtoHad3Tracks1Pi0.
    """
    found = find_skims(skims, release)
    names = [skim.name for skim in found]
    text = _TEXT.format(
        count=f"{len(names)} skim{'s' * (len(names) != 1)}",
        names=", ".join(names),
        made=f"{MADE} skims",
        listed=_listed(names),
        tag="ma.getAnalysisGlobaltag()" if analysis_globaltag is None else repr(analysis_globaltag),
        tree=tree,
        file=filename,
    )
    return Steering(text, "skims.py")


def _listed(names: list[str]) -> str:
    return "[\n" + "".join(f"    {name!r},\n" for name in names) + "]"
