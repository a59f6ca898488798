"""What surrounds a run: conditions, seed, processes, files."""

import errno as _errno
import os as _os
from pathlib import Path as _FilePath

from b2grid.steering.standin.opaque import Opaque as _Opaque
from b2grid.steering.standin.origin import origin as _origin
from b2grid.steering.standin.session import session as _session


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
    return _session.seed or _session.default_seed


def set_nprocesses(n):
    """Set the number of processes."""
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


def find_file(filename, data_type="", silent=False):
    """Find a file where basf2's environment says, or in the working directory; its full path.

    What is not there is an error in the log, as in basf2, and an exception, or an empty text where that is asked for.
    """
    names = [f"BELLE2_{str(data_type).upper()}_DATA_DIR"] if data_type else ["BELLE2_LOCAL_DIR", "BELLE2_RELEASE_DIR"]
    for place in (*filter(None, map(_os.environ.get, names)), "."):
        found = _FilePath(place, filename)
        if found.exists():
            _session.opened[str(filename)] = True
            return str(found.absolute() if found.is_symlink() or _FilePath(place).is_symlink() else found.resolve())
    if _session.recording:
        _session.opened[str(filename)] = False
        return str(_FilePath(filename))
    if silent:
        return ""
    if data_type:
        say = f"there is no file of this name in {names[0]} or in the working directory"
        _session.log.error(f"find_file(): {say}", **{"path": filename, "data type": data_type})
    else:
        _session.log.error("find_file(): there is no such file", path=filename)
    raise FileNotFoundError(_errno.ENOENT, _os.strerror(_errno.ENOENT), str(filename))
