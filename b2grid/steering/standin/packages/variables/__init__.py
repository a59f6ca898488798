"""Stand-in for ``variables``: aliases and collections are kept, values are not calculated."""

from b2grid.steering.standin.opaque import Opaque as _Opaque
from b2grid.steering.standin.variables import manager as variables


def std_vector(*types):
    """A list, where C++ wants a vector."""
    return list(types)


def getAllTrees(*args):
    """Only basf2 looks into trees."""
    return _Opaque("variables.getAllTrees")(*args)


__all__ = ["std_vector", "variables"]
