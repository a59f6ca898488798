"""Stand-in for ``variables.utils``: making aliases by rule."""

import re as _re
from collections import Counter as _Counter
from collections.abc import Iterable as _Iterable

from b2grid.steering.standin.build import selected as _selected
from variables import variables as _variables


def create_aliases(list_of_variables, wrapper, prefix=""):
    """Make an alias for each variable, wrapped."""
    made = []
    for variable in list_of_variables:
        safe = _re.sub("[^a-zA-Z0-9]+", "_", variable).strip("_")
        made.append(f"{prefix}_{safe}" if prefix else safe)
        _variables.addAlias(made[-1], wrapper.format(variable=variable))
    return made


def get_hierarchy_of_decay(decay_string):
    """The ways down to the selected particles."""
    return _selected(decay_string)


def create_daughter_aliases(list_of_variables, indices, prefix="", include_indices=True):
    """Make aliases for variables of a daughter, or of a daughter of a daughter."""
    way = list(indices) if isinstance(indices, _Iterable) else [indices]
    if include_indices:
        prefix = "".join([prefix, *(f"_d{index}" for index in way)]).lstrip("_")
    wrapper = "{variable}"
    for index in reversed(way):
        wrapper = f"daughter({index},{wrapper})"
    return create_aliases(list_of_variables, wrapper, prefix)


class DecayParticleNode:
    """The selected particles of a decay string as a tree."""

    def __init__(self, name):
        self.name, self.selected, self.children = name, False, {}

    @classmethod
    def build(cls, decay_string):
        """Make the tree of a decay string with at least one selected particle."""
        ways = get_hierarchy_of_decay(decay_string)
        if not ways:
            raise ValueError("No particle selected in decay string")
        top = cls("")
        for way in ways:
            node = top
            for index, name in way:
                node = node.children.setdefault(index, cls(name))
            node.selected = True
        return top

    def get_prefixes(self, always_include_indices=False, use_relative_indices=False):
        """Prefixes that tell the selected particles apart, with their indices; `None` for the mother."""
        found = [("", None)] if self.selected else []
        return found + self._below("", (), always_include_indices, use_relative_indices)

    def _below(self, before, way, always, relative):
        found, seen = [], _Counter()
        names = _Counter(child.name for child in self.children.values())
        for index, child in sorted(self.children.items()):
            prefix, place = before + child.name, (*way, index)
            if always or names[child.name] > 1:
                prefix += f"_{seen[child.name] if relative else index}"
                seen[child.name] += 1
            if child.selected:
                found.append((prefix, place))
            found += child._below(prefix + "_", place, always, relative)  # noqa: SLF001 - its own class
        return found


def create_aliases_for_selected(
    list_of_variables,
    decay_string,
    prefix=None,
    *,
    use_names=True,
    always_include_indices=False,
    use_relative_indices=False,
):
    """Make aliases for variables of each particle that a decay string selects."""
    tree = DecayParticleNode.build(decay_string)
    found = tree.get_prefixes(always_include_indices, use_relative_indices)
    prefixes = [name for name, _ in found]
    include_indices = False
    if prefix is not None:
        prefixes = [prefix] if isinstance(prefix, str) else list(prefix)
        if len(prefixes) != len(found):
            raise ValueError("Number of selected particles does not match number of supplied custom prefixes")
        if len(set(prefixes)) < len(prefixes):
            raise ValueError("Prefixes need to be unique")
    elif not use_names:
        prefixes, include_indices = [""] * len(found), True
    made = []
    for name, (_, way) in zip(prefixes, found, strict=True):
        if way is not None:
            made += create_daughter_aliases(list_of_variables, way, name, include_indices)
        elif name:
            made += create_aliases(list_of_variables, "{variable}", name)
        else:
            made += list_of_variables
    return made


def create_mctruth_aliases(list_of_variables, prefix="mc"):
    """Make aliases for variables of the matched generated particle."""
    return create_aliases(list_of_variables, "matchedMC({variable})", prefix)


def add_collection(list_of_variables, collection_name):
    """Name a list of variables."""
    _variables.addCollection(collection_name, list(list_of_variables))
    return collection_name


def create_isSignal_alias(aliasName, flags):
    """Make an alias like isSignal that accepts these error flags."""
    mask = 0
    for flag in flags:
        if not isinstance(flag, int):
            raise ValueError("The type of input flags of create_isSignal_alias() should be integer.")  # noqa: TRY004 - as basf2
        mask |= flag
    _variables.addAlias(aliasName, f"passesCut(unmask(mcErrors, {mask}) == 0)")
