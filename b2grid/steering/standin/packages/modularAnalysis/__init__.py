"""Stand-in for ``modularAnalysis``: each function adds the modules that basf2's adds."""

import subprocess as subprocess

import basf2 as basf2
from basf2 import B2ERROR as B2ERROR
from basf2 import B2FATAL as B2FATAL
from basf2 import B2INFO as B2INFO
from basf2 import B2WARNING as B2WARNING
from basf2 import create_path as create_path
from basf2 import register_module as register_module

from modularAnalysis._combine import *  # noqa: F403 - a stand-in offers all of its parts
from modularAnalysis._corrections import *  # noqa: F403 - the same
from modularAnalysis._events import *  # noqa: F403 - the same
from modularAnalysis._input import *  # noqa: F403 - the same
from modularAnalysis._lists import *  # noqa: F403 - the same
from modularAnalysis._output import *  # noqa: F403 - the same
from modularAnalysis._roe import *  # noqa: F403 - the same
