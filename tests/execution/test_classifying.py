"""Every class that shows at the worker, from how programs end and what b2lite, basf2, ROOT and XRootD print."""

from __future__ import annotations

import pytest

from b2grid.execution.classifying import classify
from b2grid.execution.inputs import Place
from b2grid.execution.policy import POLICIES
from b2grid.run import Limits, Outcome

URL = "root://se.example:1094//belle/MC/x/sub00/mdst_000002.root"
PLACES = (Place("/belle/MC/x/sub00/mdst_000001.root", "/data/a.root"), Place("/belle/MC/x/mdst.root", URL, "KEK-SE"))
BEGIN = "[INFO] Steering file: B2EtapKs.py\n[INFO] Starting event processing, random seed is set to 'b2grid-p-1'\n"
TRACE = 'Traceback (most recent call last):\n  File "/w/steer.py", line 3, in <module>\n    f()\n'

LOGS = {
    # b2lite
    "input: not ROOT": f"{BEGIN}[FATAL] d0.py:5: {URL} is not a ROOT file: it begins with 'abc' - give a ROOT file",
    "input: cut short": "[FATAL] /data/a.root is truncated: 3000 bytes of 5000 - write or fetch the file again",
    "input: damaged": f"[FATAL] cannot read Tracks.m_x from {URL}: the file is damaged - copy the file again",
    "input: no tree": "[FATAL] cannot read events from /data/a.root: no tree named 'tree' - input files are mDST files",
    "input: gone": "[FATAL] d0.py:10: /data/a.root cannot be opened: no such file - check the path",
    # basf2, ROOT and XRootD
    "input: basf2 cannot open": f"{BEGIN}[FATAL] Couldn't open input file {URL}  {{ module: RootInput }}",
    "input: basf2 cannot load": "[FATAL] Failed to load tree, corrupt file? Check standard error"
    " for additional messages. (TChain::LoadTree() returned error -3)",
    "input: basf2 cannot read": f"[FATAL] Could not read 'tree' entry 17 in file {URL}",
    "input: ROOT short": "Error in <TFile::ReadBuffer>: error reading all requested bytes from file /data/a.root, got 0"
    " of 300\n[FATAL] 1 ERROR(S) occurred! The processing of events will not be started.",
    "input: XRootD": "Error in <TNetXNGFile::Open>: [ERROR] Server responded with an error: [3011] Unable to open\n"
    f"[FATAL] Couldn't open input file {URL}",
    "environment: library": "basf2: error while loading shared libraries: libCore.so.6.30: cannot open it",
    "environment: CVMFS": "cat: /cvmfs/belle.cern.ch/x: Transport endpoint is not connected",
    "environment: scratch full": "[FATAL] d0.root cannot be written: No space left on device",
    "environment: no XRootD": f"[FATAL] {URL} cannot be read here: root:// needs fsspec-xrootd - install it",
    "environment: no basf2": f"{TRACE}ModuleNotFoundError: No module named 'basf2'",
    "credentials: refused": "Error in <TNetXNGFile::Open>: [FATAL] Auth failed: No protocols left to try\n"
    f"[FATAL] Couldn't open input file {URL}",
    "credentials: denied": "Error in <TNetXNGFile::Open>: [ERROR] Server responded with an error: [3010]"
    f" permission denied\n[FATAL] Couldn't open input file {URL}",
    "memory: C++": "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc",
    "memory: Python": f"{TRACE}MemoryError",
    "application: FATAL": f"{BEGIN}[ERROR] no global tag\n[FATAL] Module 'X' not found  {{ function: f }}\nbye",
    "application: exception": f"{TRACE}KeyError: 'Mbc'",
    "application: its own file": f"{TRACE}OSError: /data/weights.root is not a ROOT file",
    "application: its own open": "Error in <TFile::TFile>: file calib.root does not exist\n[FATAL] no calibration",
    "application: nothing said": "",
}


@pytest.mark.parametrize("name", LOGS)
def test_what_programs_print_has_its_class(name: str) -> None:
    failure = classify(Outcome(exit_code=1, log_tail=LOGS[name]), PLACES)
    assert failure is not None
    assert failure.kind == name.partition(":")[0]
    assert failure.kind in POLICIES
    assert "[INFO]" not in failure.message


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome(exit_code=127, log_tail="/bin/sh: basf2: command not found"), "environment"),
        (Outcome(exit_code=126, log_tail="basf2: Permission denied"), "environment"),
        (Outcome(signal=9), "signal"),
        (Outcome(exit_code=137), "signal"),
        (Outcome(exit_code=134, log_tail="Aborted"), "signal"),
        (Outcome(signal=6, log_tail="terminate called\nstd::bad_alloc"), "memory"),
        (Outcome(signal=11), "signal"),
        (Outcome(signal=4), "environment"),
        (Outcome(signal=24), "walltime"),
        (Outcome(signal=9, peak_memory=990), "memory"),
        (Outcome(signal=15, cause="walltime"), "walltime"),
        (Outcome(signal=9, cause="memory"), "memory"),
        (Outcome(signal=15, cause="stalled"), "stalled"),
        (Outcome(signal=9, cause="processes"), "processes"),
        (Outcome(signal=15, cause="disk"), "disk"),
        (Outcome(cause="not started", log_tail="basf2: No such file or directory"), "environment"),
        (Outcome(cause="lost"), "lost worker"),
        (Outcome(signal=15, cause="cancelled"), "unknown"),
        (Outcome(exit_code=3), "application"),
    ],
    ids=str,
)
def test_how_a_program_ends_has_its_class(outcome: Outcome, kind: str) -> None:
    failure = classify(outcome, PLACES, Limits(memory=1000))
    assert failure is not None
    assert failure.kind == kind
    assert failure.kind in POLICIES
    assert failure.message


def test_success_is_no_failure() -> None:
    assert classify(Outcome(exit_code=0, log_tail="[ERROR] of no importance")) is None


@pytest.mark.parametrize(
    ("log", "about"),
    [
        (LOGS["input: basf2 cannot open"], {"lfn": "/belle/MC/x/mdst.root", "storage": "KEK-SE"}),
        (LOGS["input: gone"], {"lfn": "/belle/MC/x/sub00/mdst_000001.root", "storage": ""}),
        (
            f"[FATAL] {URL} cannot be read: [FATAL] Connection error - see whether its server answers",
            {"lfn": "/belle/MC/x/mdst.root", "storage": "KEK-SE", "down": True},
        ),
        (LOGS["input: basf2 cannot load"], {}),
    ],
)
def test_the_input_that_failed_is_named_with_its_storage_element(log: str, about: dict[str, object]) -> None:
    failure = classify(Outcome(exit_code=1, log_tail=log), PLACES)
    assert failure is not None
    assert failure.about == about


def test_of_one_input_it_was_that_one() -> None:
    failure = classify(Outcome(exit_code=1, log_tail=LOGS["input: basf2 cannot load"]), PLACES[1:])
    assert failure is not None
    assert failure.about["storage"] == "KEK-SE"


def test_the_line_that_counts_others_is_not_the_reason() -> None:
    log = "[ERROR] Global tag main_x is not known\n[FATAL] 1 ERROR(S) occurred! The processing will not be started."
    failure = classify(Outcome(exit_code=1, log_tail=log))
    assert failure is not None
    assert failure.message == "[ERROR] Global tag main_x is not known"
