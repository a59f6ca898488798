"""Stand-in for ``variables``: aliases and collections are kept, values are not calculated."""

from b2grid.steering.standin.opaque import Opaque as _Opaque
from b2grid.steering.standin.variables import VariableManager as PythonVariableManager
from b2grid.steering.standin.variables import manager as variables


def std_vector(*args):
    """Make a list, where C++ wants a vector."""
    return list(args)


def getAllTrgNames():
    """List the trigger lines; they are in the conditions database."""
    return []


def getCommandLineOptions():
    """Read the options of the program that prints variables."""
    return _Opaque("variables.getCommandLineOptions")()


def printVars(changedVariableNames=False, listVars=None):
    """Print the variables; only basf2 has them."""
    return _Opaque("variables.printVars")()


def printVariableType(listVars=None):
    """Print the types of variables; only basf2 has them."""
    return _Opaque("variables.printVariableType")()


__all__ = ["PythonVariableManager", "std_vector", "variables"]
