"""Stand-in for basf2's Python package: builds paths, runs nothing."""

import os as _os
import sys as _sys
from enum import Enum as _Enum
from pathlib import Path as _FilePath

from b2grid.steering.standin.log import Fatal as _Fatal
from b2grid.steering.standin.log import LogLevel
from b2grid.steering.standin.opaque import Opaque as _Opaque
from b2grid.steering.standin.path import AfterConditionPath as AfterConditionPath
from b2grid.steering.standin.path import Module, Path
from b2grid.steering.standin.path import origin as _origin
from b2grid.steering.standin.session import session as _session

basf2label = "basf2"
basf2copyright = basf2license = ""


class LogInfo(_Enum):
    """What is shown with a message."""

    LEVEL = 1
    MESSAGE = 2
    MODULE = 4
    PACKAGE = 8
    FUNCTION = 16
    FILE = 32
    LINE = 64
    TIMESTAMP = 128


class ModulePropFlags(_Enum):
    """Properties of modules."""

    INPUT = 1
    OUTPUT = 2
    PARALLELPROCESSINGCERTIFIED = 4
    HISTOGRAMMANAGER = 8
    INTERNALSERIALIZER = 16
    TERMINATEINALLPROCESSES = 32
    DONTCOLLECTSTATISTICS = 64


class StatisticCounters(_Enum):
    """Phases that statistics distinguish."""

    INIT = 0
    BEGIN_RUN = 1
    EVENT = 2
    END_RUN = 3
    TERM = 4
    TOTAL = 5


# ---- paths and modules


def create_path():
    """Make an empty path."""
    return Path()


def register_module(name_or_module, shared_lib_path=None, logLevel=None, debugLevel=None, **kwargs):
    """Make a module, without adding it to a path."""
    module = name_or_module if isinstance(name_or_module, Module) else Module.make(name_or_module)
    if logLevel is not None:
        module.set_log_level(logLevel)
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
            module.param(kwargs)
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
        _session.log.warning("Calling process() twice is experimental")
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


# ---- messages


def _text(args):
    return "".join(str(arg) for arg in args)


def B2DEBUG(debugLevel, *args, **kwargs):
    """Print a message for developers."""
    if debugLevel <= _session.log.debug_level:
        _session.log.debug(_text(args), **kwargs)


def B2INFO(*args, **kwargs):
    """Print a message."""
    _session.log.info(_text(args), **kwargs)


def B2RESULT(*args, **kwargs):
    """Print a result."""
    _session.log.result(_text(args), **kwargs)


def B2WARNING(*args, **kwargs):
    """Print a warning."""
    _session.log.warning(_text(args), **kwargs)


def B2ERROR(*args, **kwargs):
    """Print an error; before processing it stops the run."""
    _session.log.error(_text(args), **kwargs)


def B2FATAL(*args, **kwargs):
    """Print an error and end the program."""
    place = _origin()
    _session.log.fatal(_text(args), **kwargs)
    raise _Fatal(_text(args), place)


def _level(level):
    return level if isinstance(level, LogLevel) else LogLevel(int(level))


def set_log_level(level):
    """Show only messages that are at least as serious."""
    _session.log.set_level(_level(level))


def set_debug_level(level):
    """Show debug messages up to this level."""
    _session.log.debug_level = int(level)


def set_abort_level(level):
    """Say from which level on the program ends; FATAL here."""


def log_to_console(color=False):
    """Print messages on the terminal, as they are anyway."""


def log_to_file(filename, append=False):
    """Write messages to a file; here they stay on standard output."""


def reset_log():
    """Remove the places that messages go to."""


class _PackageLog:
    """The log settings of one package."""

    log_level = LogLevel.INFO
    debug_level = 0
    abort_level = LogLevel.FATAL

    def set_info(self, level, info):
        """Say what is shown with messages."""

    def get_info(self, level):
        """What is shown with messages."""
        return 3


class _Logging(_PackageLog):
    """basf2's ``logging``."""

    enable_escape_newlines = True
    enable_summary_on = True
    max_repetitions = 0
    terminal_width = 80

    @property
    def log_level(self):
        """The least serious level that is shown."""
        return _session.log.level

    @log_level.setter
    def log_level(self, level):
        _session.log.set_level(_level(level))

    @property
    def debug_level(self):
        """The debug level."""
        return _session.log.debug_level

    @debug_level.setter
    def debug_level(self, level):
        _session.log.debug_level = int(level)

    def package(self, name):
        """The settings of one package."""
        return _PackageLog()

    def set_package(self, name, config):
        """Set the settings of one package."""

    def add_console(self, *args):
        """Print on the terminal."""

    def add_file(self, *args):
        """Write to a file."""

    def add_json(self, *args):
        """Print as JSON."""

    def add_udp(self, *args):
        """Send to an address."""

    def reset(self):
        """Remove the places that messages go to."""

    def zero_counters(self):
        """Count from zero again."""
        _session.log.counts.clear()

    def enable_summary(self, on):
        """Print a summary at the end."""

    @property
    def log_stats(self):
        """How many messages of each level there were."""
        return {level: _session.log.counts[level] for level in LogLevel if level is not LogLevel.DEFAULT}


logging = _Logging()


# ---- conditions, seed, processes


class _Conditions:
    """basf2's ``conditions``: global tags are remembered, payloads never fetched."""

    override_enabled = False

    def __init__(self):
        self.metadata_providers, self.payload_locations, self.testing_payloads = [], [], []
        self.expert, self.callback = {}, ""
        _session.conditions = self

    def _changed(self):
        _session.places["conditions", ""] = _origin().line

    @property
    def globaltags(self):
        """The global tags asked for, highest priority first."""
        return list(_session.global_tags)

    @globaltags.setter
    def globaltags(self, tags):
        self._changed()
        _session.global_tags[:] = [str(tag) for tag in tags]

    def prepend_globaltag(self, name):
        """Ask for a global tag, before the others."""
        self._changed()
        if name:
            _session.global_tags.insert(0, str(name))

    def append_globaltag(self, name):
        """Ask for a global tag, after the others."""
        self._changed()
        if name:
            _session.global_tags.append(str(name))

    def override_globaltags(self, tags=None):
        """Use these global tags, whatever the input was made with."""
        self._changed()
        self.override_enabled = True
        if tags is not None:
            self.globaltags = tags

    def disable_globaltag_replay(self):
        """Do not use the global tags of the input."""
        self._changed()
        self.override_enabled = True

    def prepend_testing_payloads(self, filename):
        """Use payloads of a file before others."""
        self._changed()
        _session.opened[str(filename)] = _FilePath(filename).exists()
        self.testing_payloads.insert(0, filename)

    def append_testing_payloads(self, filename):
        """Use payloads of a file after others."""
        self._changed()
        _session.opened[str(filename)] = _FilePath(filename).exists()
        self.testing_payloads.append(filename)

    def set_globaltag_callback(self, function):
        """Choose global tags by a function."""
        self._changed()
        self.callback = getattr(function, "__qualname__", str(function))

    def expert_settings(self, **kwargs):
        """Settings of the conditions database."""
        self._changed()
        self.expert.update(kwargs)
        return kwargs

    def reset(self):
        """Forget what was asked for."""
        _session.global_tags.clear()
        self.__init__()
        self.override_enabled = False


conditions = _Conditions()


def set_random_seed(seed):
    """Set the seed of the random generator."""
    _session.places["seed", ""] = _origin().line
    _session.seed = str(seed)


def get_random_seed():
    """The seed of the random generator."""
    return _session.seed or ""


def set_nprocesses(n):
    """Set the number of processes; one here."""
    _session.processes = int(n)


def get_nprocesses():
    """The number of processes."""
    return _session.processes


def set_streamobjs(names):
    """Name the objects that go between processes."""


def declare_beam():
    """Say that the data are of collisions."""


def declare_cosmics():
    """Say that the data are cosmic rays."""


def write_simulation_steps():
    """Ask the simulation to write its steps."""


def update_file_metadata(*args, **kwargs):
    """Change a file's metadata; only basf2 does."""
    return _Opaque("basf2.update_file_metadata")(*args, **kwargs)


def get_file_metadata(filename):
    """Read a file's metadata; only basf2 does."""
    return _Opaque("basf2.get_file_metadata")(filename)


_PLACES = {
    "": ["BELLE2_LOCAL_DIR", "BELLE2_RELEASE_DIR"],
    "examples": ["BELLE2_EXAMPLES_DATA_DIR"],
    "validation": ["BELLE2_VALIDATION_DATA_DIR"],
}


def find_file(filename, data_type="", silent=False):
    """Find a file here, beside the steering, or where basf2's environment says."""
    beside = [".", _FilePath(_session.script).parent]
    for place in [*beside, *filter(None, (_os.environ.get(name) for name in _PLACES.get(data_type, [])))]:
        found = _FilePath(place, filename)
        if found.exists():
            _session.opened[str(filename)] = True
            return str(found.absolute())
    if _session.recording:
        _session.opened[str(filename)] = False
        return str(_FilePath(filename))
    if silent:
        return ""
    raise FileNotFoundError(2, "Could not find data file", filename)


class _Statistics:
    """basf2's ``statistics``: what the embedded runtime measured, once it has run."""

    @property
    def modules(self):
        """The statistics of each module."""
        return getattr(_session.statistics, "modules", [])

    def get_global(self):
        """The statistics of the whole run."""
        return _session.statistics

    def get(self, module):
        """The statistics of one module; not kept here."""

    def clear(self):
        """Forget the statistics."""
        _session.statistics = None

    def __call__(self, category=None, modules=None):
        return str(self)

    def __str__(self):
        return str(_session.statistics) if _session.statistics is not None else ""


statistics = _Statistics()
