"""Stand-in for ``basf2.utils``: printing paths and parameters."""

import inspect as _inspect
import shutil as _shutil

from basf2._messages import B2INFO


def get_terminal_width():
    """The width of the terminal, in characters."""
    return _shutil.get_terminal_size().columns


def pretty_print_table(
    table,
    column_widths,
    first_row_is_heading=True,
    transform=None,
    min_flexible_width=10,
    *,
    hline_formatter=None,
):
    """Print rows, their columns aligned."""
    rows = [[str(cell) for cell in row] for row in table]
    widths = [max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(len(column_widths))]
    for number, row in enumerate(rows):
        line = " ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip()
        print(transform(row, widths, line) if transform is not None else line)
        if number == 0 and first_row_is_heading:
            print("-" * len(line))


def pretty_print_description_list(rows):
    """Print terms and what they mean."""
    for term, meaning in rows:
        print(f"{term}\n    {meaning}")


def print_all_modules(moduleList, package=""):
    """Print modules; their descriptions are basf2's."""
    for name in sorted(moduleList):
        print(name)


def print_params(module, print_values=True, shared_lib_path=None):
    """Print the parameters of a module."""
    print(f"\n{module.name()} ({module.type()})")
    heading = ["Parameter", "Current", "Steering"] if print_values else ["Parameter"]
    rows = [[param.name, str(param.values), str(param.setInSteering)] for param in module.available_params()]
    pretty_print_table([heading, *(row[: len(heading)] for row in rows)], [0] * len(heading))


def print_path(path, defaults=False, description=False, indentation=0, title=True):
    """Print the modules of a path with the parameters that were set, conditional paths indented."""
    if title:
        B2INFO("Modules of the path, and their parameters:")
    before = " " * indentation
    for number, module in enumerate(path.modules(), 1):
        print(f"{before} {number:>2}. {module.name()}")
        for param in module.available_params():
            if defaults or param.setInSteering:
                print(f"{before}      {param.name}={param.values}")
        for condition in module.get_all_conditions():
            print(f"\n{before}      {condition}:")
            print_path(condition.get_path(), defaults, description, indentation + 6, title=False)


def is_mod_function(mod, func):
    """Whether a function belongs to a module."""
    return _inspect.isfunction(func) and _inspect.getmodule(func) == mod


def list_functions(mod):
    """The functions of a module."""
    return [func.__name__ for func in mod.__dict__.values() if is_mod_function(mod, func)]


def pretty_print_module(module, module_name, replacements=None):
    """Print the functions of a module."""
    for function in list_functions(module):
        print(function)
