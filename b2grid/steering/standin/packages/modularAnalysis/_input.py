"""Input, files of data, conditions."""

from basf2 import B2FATAL as _B2FATAL

from b2grid.steering.standin.build import step as _step
from b2grid.steering.standin.opaque import opaque_step as _opaque_step


def setAnalysisConfigParams(configParametersAndValues, path):
    """Set the analysis configuration."""
    _step(path, "AnalysisConfiguration", **configParametersAndValues)


def inputMdst(filename, path, environmentType="default", skipNEvents=0, entrySequence=None, *, parentLevel=0, **kwargs):
    """Read events from a file."""
    sequences = None if entrySequence is None else [entrySequence]
    inputMdstList([filename], path, environmentType, skipNEvents, sequences, parentLevel=parentLevel, **kwargs)


def inputMdstList(
    filelist,
    path,
    environmentType="default",
    skipNEvents=0,
    entrySequences=None,
    *,
    parentLevel=0,
    useB2BIIDBCache=True,
):
    """Read events from files, in order."""
    if environmentType not in ("default", "Belle", "None"):
        _B2FATAL(
            f"Incorrect environment type provided: {environmentType}! "
            "Please use one of the following: default Belle None"
        )
    if environmentType == "Belle":
        _opaque_step("modularAnalysis.inputMdstList(environmentType='Belle')", [path], {})
    params = {"inputFileNames": filelist, "skipNEvents": skipNEvents, "parentLevel": parentLevel}
    if entrySequences is not None:
        params["entrySequences"] = entrySequences
    _step(path, "RootInput", **params)
    _step(path, "ProgressBar")


def setupEventInfo(noEvents, path):
    """Make events from nothing, for generators."""
    _step(path, "EventInfoSetter", evtNumList=[noEvents], runList=[0], expList=[0])


def loadGearbox(path, silence_warning=False):
    """Load parameters of the detector."""
    _step(path, "Gearbox")


def getAnalysisGlobaltag(timeout=180):
    """The recommended analysis global tag: one that stands for it, as no database is asked."""
    return "analysis_tools"


def getAnalysisGlobaltagB2BII():
    """The recommended analysis global tag for Belle data: one that stands for it."""
    return "analysis_tools_b2bii"
