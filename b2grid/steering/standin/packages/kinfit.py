"""Stand-in for ``kinfit``: kinematic fits with constraints."""

from b2grid.steering.standin.build import step as _step


def _fit(list_name, constraint, engine, update, prefix, path, strings, **params):
    direction, alternate, hypotheses, neutron = strings
    _step(
        path,
        "ParticleKinematicFitter",
        f"ParticleKinematicFitter_{list_name}",
        listName=list_name,
        kinematicFitter="OrcaKinFit",
        orcaFitterEngine=engine,
        orcaConstraint=constraint,
        updateDaughters=update,
        variablePrefix=prefix,
        decayStringForDirectionOnlyParticles=direction,
        decayStringForAlternateMassParticles=alternate,
        alternateMassHypos=hypotheses,
        decayStringForNeutronVsAntiNeutron=neutron,
        **params,
    )


def fitKinematic4C(
    list_name,
    fitterEngine="NewFitterGSL",
    constraint="HardBeam",
    daughtersUpdate=False,
    addUnmeasuredPhoton=False,
    variablePrefix="",
    decayStringForDirectionOnlyParticles="",
    decayStringForAlternateMassParticles="",
    alternateMassHypos=(),
    decayStringForNeutronVsAntiNeutron="",
    path=None,
):
    """Fit to the momentum and energy of the beams."""
    _fit(
        list_name,
        constraint,
        fitterEngine,
        daughtersUpdate,
        variablePrefix,
        path,
        (
            decayStringForDirectionOnlyParticles,
            decayStringForAlternateMassParticles,
            list(alternateMassHypos),
            decayStringForNeutronVsAntiNeutron,
        ),
        addUnmeasuredPhoton=addUnmeasuredPhoton,
    )


def fitKinematic3C(
    list_name,
    fitterEngine="NewFitterGSL",
    constraint="HardBeam",
    daughtersUpdate=False,
    addUnmeasuredPhoton=False,
    add3CPhoton=True,
    variablePrefix="",
    decayStringForDirectionOnlyParticles="",
    decayStringForAlternateMassParticles="",
    alternateMassHypos=(),
    decayStringForNeutronVsAntiNeutron="",
    path=None,
):
    """Fit to the beams with one photon of unknown energy."""
    _fit(
        list_name,
        constraint,
        fitterEngine,
        daughtersUpdate,
        variablePrefix,
        path,
        (
            decayStringForDirectionOnlyParticles,
            decayStringForAlternateMassParticles,
            list(alternateMassHypos),
            decayStringForNeutronVsAntiNeutron,
        ),
        addUnmeasuredPhoton=addUnmeasuredPhoton,
        add3CPhoton=add3CPhoton,
    )


def fitKinematic2C(
    list_name,
    fitterEngine="NewFitterGSL",
    constraint="HardBeam",
    daughtersUpdate=False,
    addUnmeasuredPhotonAlongBeam="HER",
    variablePrefix="",
    decayStringForDirectionOnlyParticles="",
    decayStringForAlternateMassParticles="",
    alternateMassHypos=(),
    decayStringForNeutronVsAntiNeutron="",
    path=None,
):
    """Fit to the beams with one photon along a beam."""
    _fit(
        list_name,
        constraint,
        fitterEngine,
        daughtersUpdate,
        variablePrefix,
        path,
        (
            decayStringForDirectionOnlyParticles,
            decayStringForAlternateMassParticles,
            list(alternateMassHypos),
            decayStringForNeutronVsAntiNeutron,
        ),
        addUnmeasuredPhoton=True,
        fixUnmeasuredToHER=addUnmeasuredPhotonAlongBeam == "HER",
        fixUnmeasuredToLER=addUnmeasuredPhotonAlongBeam == "LER",
    )


def MassfitKinematic1C(
    list_name,
    invMass,
    fitterEngine="NewFitterGSL",
    constraint="Mass",
    daughtersUpdate=False,
    variablePrefix="",
    decayStringForDirectionOnlyParticles="",
    decayStringForAlternateMassParticles="",
    alternateMassHypos=(),
    decayStringForNeutronVsAntiNeutron="",
    path=None,
):
    """Fit to an invariant mass."""
    _fit(
        list_name,
        constraint,
        fitterEngine,
        daughtersUpdate,
        variablePrefix,
        path,
        (
            decayStringForDirectionOnlyParticles,
            decayStringForAlternateMassParticles,
            list(alternateMassHypos),
            decayStringForNeutronVsAntiNeutron,
        ),
        invMass=invMass,
    )


def MassfitKinematic1CRecoil(
    list_name,
    recoilMass,
    fitterEngine="NewFitterGSL",
    constraint="RecoilMass",
    daughtersUpdate=False,
    variablePrefix="",
    decayStringForDirectionOnlyParticles="",
    decayStringForAlternateMassParticles="",
    alternateMassHypos=(),
    decayStringForNeutronVsAntiNeutron="",
    path=None,
):
    """Fit to a recoil mass."""
    _fit(
        list_name,
        constraint,
        fitterEngine,
        daughtersUpdate,
        variablePrefix,
        path,
        (
            decayStringForDirectionOnlyParticles,
            decayStringForAlternateMassParticles,
            list(alternateMassHypos),
            decayStringForNeutronVsAntiNeutron,
        ),
        recoilMass=recoilMass,
    )


def UnmeasuredfitKinematic1C(
    list_name,
    fitterEngine="NewFitterGSL",
    constraint="UnmeasuredMass",
    daughtersUpdate=False,
    variablePrefix="",
    decayStringForDirectionOnlyParticles="",
    decayStringForAlternateMassParticles="",
    alternateMassHypos=(),
    decayStringForNeutronVsAntiNeutron="",
    path=None,
):
    """Fit a particle of unknown energy."""
    _fit(
        list_name,
        constraint,
        fitterEngine,
        daughtersUpdate,
        variablePrefix,
        path,
        (
            decayStringForDirectionOnlyParticles,
            decayStringForAlternateMassParticles,
            list(alternateMassHypos),
            decayStringForNeutronVsAntiNeutron,
        ),
    )
