"""Stand-in for basf2's Python package: builds paths, runs nothing."""

import sys as _sys
from enum import Enum as _Enum

from b2grid.steering.standin.module import AfterConditionPath as AfterConditionPath
from b2grid.steering.standin.module import Module
from b2grid.steering.standin.path import Path
from b2grid.steering.standin.session import session as _session
from basf2._messages import *  # noqa: F403 - a stand-in offers all of its parts
from basf2._statistics import *  # noqa: F403 - the same
from basf2._surroundings import *  # noqa: F403 - the same

basf2label = "basf2"
basf2copyright = basf2license = ""


class ModulePropFlags(_Enum):
    """Properties of modules."""

    INPUT = 1
    OUTPUT = 2
    PARALLELPROCESSINGCERTIFIED = 4
    HISTOGRAMMANAGER = 8
    INTERNALSERIALIZER = 16
    TERMINATEINALLPROCESSES = 32
    DONTCOLLECTSTATISTICS = 64


# ---- paths and modules


def create_path():
    """Make an empty path."""
    return Path()


def register_module(name_or_module, shared_lib_path=None, logLevel=None, debugLevel=None, **kwargs):
    """Make a module, without adding it to a path."""
    module = name_or_module if isinstance(name_or_module, Module) else Module.make(name_or_module)
    if logLevel is not None:
        module.set_log_level(logLevel)
    if debugLevel is not None:
        module.set_debug_level(debugLevel)
    if kwargs:
        module.param(kwargs)
    return module


def set_module_parameters(path, name=None, type=None, recursive=False, **kwargs):
    """Set parameters of the modules of a path that have this name or type."""
    if name is None and type is None:
        raise ValueError("At least one of name or type has to be given")
    if not kwargs:
        raise ValueError("no module parameters given")
    found = False
    for module in path.walk() if recursive else path.modules():
        if (name is None or module.name() == name) and (type is None or module.type() == type):
            register_module(module, **kwargs)
            found = True
    if not found:
        raise KeyError("No module with given name found anywhere in the path")


def remove_module(old_path, name=None):
    """Make a path like `old_path` without the modules of this name."""
    if name is None:
        raise ValueError("You should provide the module name")
    new = Path()
    for module in old_path.modules():
        if module.name() != name:
            new.add_module(module)
    return new


def process(path, max_event=0, calculateStatistics=False):
    """Hand the path over: to the recorder, or to the embedded runtime."""
    if hasattr(path, "__b2grid_opaque__"):
        whole = Path()
        whole.add_path(path)
        path = whole
    if not isinstance(path, Path):
        raise TypeError(f"process() takes a path, not {_sys.modules['builtins'].type(path).__name__}")
    _session.processed += 1
    if _session.processed > 1:
        _session.log.warning("Calling process() more than once in a steering file is experimental: check the results")
    if _session.on_process is not None:
        _session.on_process(path, int(max_event))


def print_path(path, defaults=False, description=False, indentation=0, title=True):
    """Print the modules of a path with their parameters."""
    from basf2 import utils as _utils

    _utils.print_path(path, defaults, description, indentation, title)


def print_params(module, print_values=True, shared_lib_path=None):
    """Print the parameters of a module."""
    from basf2 import utils as _utils

    _utils.print_params(module, print_values, shared_lib_path)


def list_available_modules(library_path=""):
    """The modules of the installed libraries: none are needed here."""
    return {}


def list_registered_modules():
    """The modules registered so far; not kept here."""
    return []
