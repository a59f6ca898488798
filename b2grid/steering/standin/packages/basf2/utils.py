"""Stand-in for ``basf2.utils``: printing paths and parameters."""

import inspect as _inspect
import shutil as _shutil


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
    rows = [[param.name, repr(param.values)] for param in module.available_params()]
    pretty_print_table([["Parameter", "Value"], *rows], [20, -1])


def print_path(path, defaults=False, description=False, indentation=0, title=True):
    """Print the modules of a path with their parameters, conditional paths indented."""
    before = "    " * indentation
    if title:
        print(f"{before}Path:")
    for number, module in enumerate(path.modules(), 1):
        name = "" if module.name() == module.type() else f" ({module.name()})"
        print(f"{before}{number:>3}. {module.type()}{name}")
        for name, value in module.params.items():
            print(f"{before}       {name}={value}")
        for condition in module.get_all_conditions():
            print(f"{before}     if {condition} then ({condition.after.name}):")
            print_path(condition.path, defaults, description, indentation + 2, title=False)


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
