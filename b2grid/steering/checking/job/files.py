"""Files that the script reads, and whether jobs have them."""

from __future__ import annotations

import ast
import posixpath
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.checking.job.outputs import is_outside, lacks_folder, say_no_folder, say_outside
from b2grid.steering.checking.reading.worth import is_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.interface.added import Added
    from b2grid.steering.checking.job.outputs import Output
    from b2grid.steering.checking.reading.world import World

__all__ = ["check_files", "name_of"]

# what opens the file that comes first; the word is its parameter's name
_OPENERS = {
    "open": "file", "io.open": "file", "codecs.open": "filename",
    "pandas.read_csv": "filepath_or_buffer", "pandas.read_table": "filepath_or_buffer",
    "pandas.read_json": "path_or_buf", "pandas.read_hdf": "path_or_buf",
    "pandas.read_pickle": "filepath_or_buffer", "pandas.read_parquet": "path",
    "pandas.read_feather": "path", "pandas.read_excel": "io",
    "numpy.load": "file", "numpy.loadtxt": "fname", "numpy.genfromtxt": "fname", "numpy.fromfile": "file",
    "uproot.open": "path", "ROOT.TFile.Open": "", "ROOT.TFile": "", "h5py.File": "name",
    "joblib.load": "filename", "torch.load": "f", "runpy.run_path": "path_name", "pdg.load": "filename",
    "basf2.conditions.prepend_testing_payloads": "filename",
    "basf2.conditions.append_testing_payloads": "filename",
    "basf2.use_local_database": "", "basf2_mva.upload": "",
}  # fmt: skip
_WITH_MODE = {"open", "io.open", "codecs.open", "ROOT.TFile.Open", "ROOT.TFile", "h5py.File"}
_READ_MODES = {"r", "read", "", "rb", "rt", "br", "tr"}
_READS_PATH = {"read_text", "read_bytes", "open"}

# parameters that name files to read; of those of `_WEIGHTS`, other names are of the database
_FUNCTIONS = {
    "generators.add_evtgen_generator": ("signaldecfile",),
    "generators.add_continuum_generator": ("userdecfile",),
    "generators.add_inclusive_continuum_generator": ("userdecfile",),
    "generators.add_phokhara_evtgen_combination": ("user_decay_file",),
    "generators.add_kkmc_generator": ("signalconfigfile", "tauinputfile"),
    "simulation.add_simulation": ("bkgfiles",),
    "grafei.graFEI": ("cfg_path", "param_file"),
}
_MODULES = {
    "EvtGenInput": ("userDECFile", "DECFile"),
    "EvtGenDecay": ("UserDecFile", "DecFile"),
    "Fragmentation": ("UserDecFile", "DecFile", "ParameterFile"),
    "KKGenInput": ("tauinputFile", "taudecaytableFile", "KKdefaultFile"),
    "PhokharaInput": ("ParameterFile",),
    "BGOverlayInput": ("inputFileNames",),
}
_WEIGHTS = {
    "MVAExpert": ("identifier",),
    "MVAMultipleExperts": ("identifiers",),
    "LowEnergyPi0IdentificationExpert": ("identifier",),
    "LowEnergyPi0VetoExpert": ("identifier",),
    "FlipQuality": ("identifier",),
    "BelleNbarMVA": ("identifier",),
}
_WEIGHT_FILES = (".xml", ".root")
_UNCERTAIN = frozenset("*?$")
_COMMANDS = ("os.system", "os.popen", "subprocess.")
_SILENT = "# b2grid: ignore[B2S505]"


def check_files(context: Context, world: World, modules: list[Added], outputs: list[Output]) -> None:
    """Files that a job opens and does not have, and files that it writes where they are lost."""
    made = _Made(context, world, outputs)
    for file, place, node in _read(context, world, modules):
        if _UNCERTAIN & set(file) or not world.happens(node) or made.has(file, node):
            continue
        name = printable(file)
        if is_outside(file):
            if not is_system(file):
                context.add(
                    "B2S505",
                    f"{name!r} is opened, which only hosts with this folder have",
                    f"put it into the sandbox, or, where jobs see this folder, silence this line: {_SILENT}",
                    place,
                )
        elif not is_system(file) and not _is_shipped(context, file):
            hint = f"add sandbox=[{printable(_with_it(file))!r}]"
            context.add("B2S503", f"{name!r} is opened, and is not in the sandbox", hint, place)
    _check_written(context, world, outputs)


def _with_it(file: str) -> str:
    """What has to travel with a file: a local database is nothing without its payloads."""
    folder, name = posixpath.split(file)
    return folder if folder and name == "database.txt" else file


def _is_shipped(context: Context, file: str) -> bool:
    path = PurePosixPath(posixpath.normpath(file))
    return any(path == there or there in path.parents for there in context.sandbox)


# -- what is read


def _read(context: Context, world: World, modules: list[Added]) -> Iterator[tuple[str, ast.expr, ast.AST]]:
    """The files that are read: their names, where these are written, and where they are opened."""
    for call in context.script.calls:
        if (place := _opened(context, call)) is not None and _mode(context, call) == "read":
            yield from ((file, place, call) for file in _texts(world.values(place)))
    for known in context.calls:
        for word in _FUNCTIONS.get(known.name, ()):
            if word in known.arguments:
                place = known.arguments[word]
                yield from ((file, place, known.node) for file in _texts(world.values(place)))
    for module in modules:
        for word in (*_MODULES.get(module.kind, ()), *_WEIGHTS.get(module.kind, ())):
            if word in module.params:
                place = module.params[word]
                found = _texts(world.values(place))
                weights = module.kind in _WEIGHTS
                yield from ((file, place, module.node) for file in found if not weights or file.endswith(_WEIGHT_FILES))


def _texts(values: list[object]) -> Iterator[str]:
    """Names among values, and in lists of them, without the tree that may follow."""
    for value in values:
        for text in value if isinstance(value, list | tuple) else [value]:
            if isinstance(text, str) and text and "\n" not in text and "\0" not in text:
                yield text.partition(".root:")[0] + ".root" if ".root:" in text else text


def name_of(context: Context, function: ast.expr) -> str:
    """What a call names, builtins included; empty if that is unknown."""
    if named := context.script.dotted(function):
        return named
    return function.id if isinstance(function, ast.Name) and not context.script.bound(function) else ""


def _opened(context: Context, call: ast.Call) -> ast.expr | None:
    """The expression of the file that a call opens."""
    name = name_of(context, call.func)
    if name in _OPENERS:
        named = (word.value for word in call.keywords if word.arg and word.arg == _OPENERS[name])
        return call.args[0] if call.args else next(named, None)
    path = call.func.value if isinstance(call.func, ast.Attribute) and call.func.attr in _READS_PATH else None
    if isinstance(path, ast.Call) and name_of(context, path.func) == "pathlib.Path" and len(path.args) == 1:
        return path.args[0]
    return None


def _mode(context: Context, call: ast.Call) -> str:
    """Whether a file is opened to be ``"read"`` or ``"written"``; empty if that is not known."""
    of_path = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call)
    if not of_path and name_of(context, call.func) not in _WITH_MODE:
        return "read"
    named = (word.value for word in call.keywords if word.arg in {"mode", "option"})
    at = 0 if of_path else 1
    mode = call.args[at] if len(call.args) > at else next(named, None)
    value = context.values.one(mode) if mode is not None else "r"
    if not isinstance(value, str):
        return ""
    return "read" if value.strip().lower() in _READ_MODES else "written"


# -- what is written


class _Made:
    """Files that the script writes itself."""

    def __init__(self, context: Context, world: World, outputs: list[Output]) -> None:
        self.context = context
        self.world = world
        self.outputs = {posixpath.normpath(file) for output in outputs for file in output.files}

    @cached_property
    def calls(self) -> dict[str, list[ast.Call]]:
        """File -> the calls that are told its name, and may save, copy or fetch it."""
        found: dict[str, list[ast.Call]] = {}
        for call in self.context.script.calls:
            if _opened(self.context, call) is None or _mode(self.context, call) != "read":
                for name in (*call.args, *(word.value for word in call.keywords)):
                    for file in _texts(self.context.values.all(name)):
                        found.setdefault(posixpath.normpath(file), []).append(call)
        return found

    @cached_property
    def commands(self) -> str:
        """The lines that run other programs, which may fetch files."""
        called = (call for call in self.context.script.calls if name_of(self.context, call.func).startswith(_COMMANDS))
        lines = [ast.unparse(call) for call in called]
        return "\n".join([*lines, *(line for line in self.context.lines if line.lstrip().startswith(("#!", "#%")))])

    def has(self, file: str, reader: ast.AST) -> bool:
        file = posixpath.normpath(file)
        if file in self.outputs or posixpath.basename(file) in self.commands:
            return True
        within = set(ast.walk(reader))
        return any(call not in within and not self.world.before(reader, call) for call in self.calls.get(file, ()))


def _check_written(context: Context, world: World, outputs: list[Output]) -> None:
    for call in context.script.calls:
        place = _opened(context, call)
        if place is None or _mode(context, call) != "written" or not world.happens(call):
            continue
        for file in _texts(world.values(place)):
            if is_outside(file) and not file.startswith(("/tmp/", "/var/tmp/")):  # noqa: S108 - is not opened
                say_outside(context, file, place)
            elif lacks_folder(context, world, file, outputs):
                say_no_folder(context, file, place)
