"""Messages of the steering, and the settings of the log."""

from enum import Enum as _Enum

from b2grid.steering.standin.log import Fatal as _Fatal
from b2grid.steering.standin.log import LogLevel
from b2grid.steering.standin.opaque import Opaque as _Opaque
from b2grid.steering.standin.origin import origin as _origin
from b2grid.steering.standin.session import session as _session


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
    """Say from which level on a message ends the program."""
    _session.log.abort_level = _level(level)


def log_to_console(color=False):
    """Print messages on the terminal, as they are anyway."""
    _session.log.console = True


def log_to_file(filename, append=False):
    """Write messages to a file as well."""
    _session.log.add_file(filename, append=bool(append))


def reset_log():
    """Remove the places that messages go to; those that end the program are printed all the same."""
    _session.log.reset()


class _PackageLog:
    """The log settings of one package of basf2, of which there are no messages here."""

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

    @property
    def abort_level(self):
        """The level from which on a message ends the program."""
        return _session.log.abort_level

    @abort_level.setter
    def abort_level(self, level):
        set_abort_level(level)

    def package(self, name):
        """The settings of one package."""
        return _PackageLog()

    def set_package(self, name, config):
        """Set the settings of one package."""

    def add_console(self, *args):
        """Print on the terminal."""
        log_to_console()

    def add_file(self, filename, append=False):
        """Write to a file."""
        log_to_file(filename, append)

    def add_json(self, *args):
        """Print as JSON; only basf2 does."""
        return _Opaque("basf2.logging.add_json")(*args)

    def add_udp(self, *args):
        """Send to an address; only basf2 does."""
        return _Opaque("basf2.logging.add_udp")(*args)

    def reset(self):
        """Remove the places that messages go to."""
        reset_log()

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
