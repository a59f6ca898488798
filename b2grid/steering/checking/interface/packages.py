"""Which modules come with Python, with basf2 and with its externals: all others are somebody's own."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from b2grid.steering.standin.opaque import OPAQUE_PACKAGES
from b2grid.steering.standin.origin import PACKAGES

__all__ = ["is_known", "otherwise_cased"]


def is_known(module: str) -> bool:
    """Whether a module is basf2's, its externals' or Python's.

    >>> is_known("variables.collections"), is_known("my_cuts"), is_known(".cuts")
    (True, False, False)
    """
    return module.partition(".")[0] in _known_tops()


def otherwise_cased(module: str) -> str:
    """The known module whose name differs in upper and lower case only; empty if there is none.

    >>> otherwise_cased("modularanalysis"), otherwise_cased("my_cuts")
    ('modularAnalysis', '')
    """
    top = module.partition(".")[0].lower()
    return next((known for known in sorted(_known_tops()) if known.lower() == top), "")


@cache
def _known_tops() -> frozenset[str]:
    """The top-level packages that basf2, its externals and Python have."""
    stand_ins = frozenset(path.stem for path in Path(PACKAGES).iterdir())
    return stand_ins | _BASF2_TOPS | OPAQUE_PACKAGES | _PLAIN_PACKAGES | sys.stdlib_module_names


_BASF2_TOPS = frozenset(
    {
        "stdHyperons",
        "stdKinks",
        "b2",
        "beambackground",
        "geometry",
        "rundb",
        "trigger",
        "analysis_path_utils",
        "basf2ext",
        "terminal_utils",
        "hep_ipython_tools",
        "ipython_tools",
        "pybasf2",
        "smearing",
        "neurobayes",
        "vtx",
        "top",
        "trg",
        "arich",
        "mva",
        "online_filter",
        "eventkinematics",
        "b2bii",
        "b2biiMonitors",
        "b2parser",
        "b2test_utils",
        "b2test_utils_analysis",
        "B2Tools",
        "LambdaSelector",
        "MVALightGBM",
        "TCCE",
        "analysisDQM",
        "dft",
        "embedding_merge",
        "hist_utils",
        "interactive",
        "iov_conditional",
        "pager",
        "per_event_statistics",
        "pickable_basf2",
        "skimExpertFunctions",
        "stateless_basf2",
        "validation_tools",
        "validationpath",
        "validationplots",
        "validationtools",
    }
)

_PLAIN_PACKAGES = frozenset(
    {
        "numpy",
        "pandas",
        "scipy",
        "matplotlib",
        "uproot",
        "awkward",
        "yaml",
        "tqdm",
        "sklearn",
        "torch",
        "tensorflow",
        "xgboost",
        "lightgbm",
        "seaborn",
        "h5py",
        "tables",
        "pyarrow",
        "requests",
        "git",
        "six",
        "vector",
        "particle",
        "joblib",
        "dask",
        "IPython",
        "ipywidgets",
        "setuptools",
        "pkg_resources",
        "termcolor",
        "tabulate",
        "uncertainties",
        "iminuit",
        "numba",
        "b2luigi",
        "luigi",
        "root_pandas",
        "mplhep",
        "hist",
        "boost_histogram",
        "jinja2",
        "psutil",
    }
)
"""Packages that basf2's externals have, and that have nothing to do with variables."""
