"""What the calls of a script do to its paths, in the order in which events meet it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from b2grid.steering.checking.analysis.standard import quiet
from b2grid.steering.checking.reading.following import Follower
from b2grid.steering.checking.reading.paths import BuiltPath, Step
from b2grid.steering.standin.opaque import OPAQUE_PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from b2grid.steering.checking.context import Call, Context
    from b2grid.steering.checking.reading.paths import Env

__all__ = ["Flow"]

_CALLS = 8_000  # that are followed
_DEPTH = 10  # of functions that call each other
_JOINS = {"add_path", "for_each", "do_while", "add_independent_path", "add_independent_merge_path"}
_CONDITIONS = {"if_value", "if_true", "if_false"}
_LOOKS = {"print", "str", "repr", "len", "type", "id", "isinstance", "list"}
_ROOMS = {"basf2", "modularAnalysis"}
_RUNS = {"exec", "eval"}
_MAGIC = re.compile(r"#\s*%(?:run|load|edit|store)\b")  # in notebooks, what other files do here


class Flow(Follower):
    """Follows a script from its first line, and keeps its paths.

    Parameters
    ----------
    context : Context
    """

    def __init__(self, context: Context) -> None:
        super().__init__(context, _tracked(context))
        self._known = {call.node: call for call in context.calls}
        self._made: list[BuiltPath] = []
        self._processed: list[BuiltPath] = []
        self._count = 0
        self.lost = any(_MAGIC.search(line) for line in context.lines if "%" in line)
        self.block(context.script.tree.body, {})

    @property
    def paths(self) -> list[BuiltPath]:
        """The paths that are processed; where that is not known, those that are in no other."""
        if self._processed:
            return list(dict.fromkeys(self._processed))
        parts = [part for path in self._made for part in path.parts]
        joined = {part for part in parts if isinstance(part, BuiltPath)}
        joined |= {path for part in parts if isinstance(part, Step) for path in part.inner}
        return [path for path in self._made if path not in joined]

    @property
    def steps(self) -> Iterator[Step]:
        """What is added to any path, path by path."""
        return (part for path in self._made for part in path.parts if isinstance(part, Step))

    # -- calls

    def call(self, node: ast.Call, env: Env) -> Any:
        """Follow a call; the path, the module, or the tuple of these, that it is worth."""
        self._count += 1
        if self.lost or self._count > _CALLS:
            self.lost = True
            return None
        self.settled.add(node)
        owner = self.look(node.func.value, env) if isinstance(node.func, ast.Attribute) else None
        given = {value: self.look(value, env) for value in [*node.args, *(word.value for word in node.keywords)]}
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if isinstance(owner, BuiltPath):
            return self._on_path(owner, method, node, given, env)
        if isinstance(owner, Step):
            return self._on_module(owner, method, node, given)
        if method in {"add_module", *_JOINS, *_CONDITIONS}:
            self.lost = True
            return None
        return self._by_name(node, given, env)

    def _by_name(self, node: ast.Call, given: Mapping[ast.expr, Any], env: Env) -> Any:
        room, _, name = self.script.dotted(node.func).rpartition(".")
        if room in _ROOMS and name in {"create_path", "Path"}:
            self._made.append(BuiltPath())
            return self._made[-1]
        if room in _ROOMS and name == "register_module" and node.args:
            return self._module(node, node.args[0], env)
        if room in _ROOMS and name == "process":
            self._processed += _paths(given)
            self.lost |= bool(given) and not _paths(given)
            return None
        if (call := self._known.get(node)) is not None:
            return self._function(call, given, env)
        if (defined := self._defined(node.func)) is not None:
            return self._enter(defined, node, given, env)
        bare = node.func.id if isinstance(node.func, ast.Name) else ""
        if bare in _RUNS:
            self.lost = True
        elif not quiet(room) and bare not in _LOOKS:
            of_basf2 = room.partition(".")[0] in OPAQUE_PACKAGES or room in self.context.facts.functions
            self._unknown(node, _paths(given), foreign=not of_basf2)
        return None

    def _step(self, node: ast.Call, kind: str, name: str, arguments: dict[str, ast.expr], env: Env) -> Step:
        return Step(node, name, kind, arguments, env, self.branch, self.loop)

    def _unknown(self, node: ast.Call, paths: list[BuiltPath], *, foreign: bool) -> None:
        """Add something that is not followed; of two paths, it may put one into the other."""
        if len(set(paths)) > 1:
            self.lost = True
        elif paths:
            step = self._step(node, "unknown", "", {}, {})
            step.foreign = foreign
            paths[0].parts.append(step)

    def _function(self, call: Call, given: Mapping[ast.expr, Any], env: Env) -> Step | None:
        """A call of a function of basf2."""
        signature = self.context.facts.signature(call.module, call.function)
        if signature is None or quiet(call.name):
            return None
        step = self._step(call.node, "function", call.name, call.arguments, env)
        if call.module == "b2pandas_utils":  # its functions make modules
            return step
        word = next((name for name in ("path", "roe_path") if name in signature.names), "")
        paths = _paths(given)
        path = given.get(call.arguments[word]) if word in call.arguments else None
        if isinstance(path, BuiltPath) or len(paths) == 1:
            path = path if isinstance(path, BuiltPath) else paths[0]
            path.parts.append(step)
            step.inner += [other for other in paths if other is not path]
        elif word in call.arguments or (word and _is_open(call.node)):
            self.lost = True
        elif word:  # without a path, which is said elsewhere
            self.settled.discard(call.node)
        else:
            self._unknown(call.node, paths, foreign=False)
        return None

    # -- functions of the script

    def _defined(self, function: ast.expr) -> ast.FunctionDef | ast.Lambda | None:
        bound = self.script.bound(function) if isinstance(function, ast.Name) else []
        if len(bound) != 1:
            return None
        node = bound[0].value if bound[0].kind == "assign" else bound[0].node
        return node if isinstance(node, ast.FunctionDef | ast.Lambda) else None

    def _enter(
        self, function: ast.FunctionDef | ast.Lambda, node: ast.Call, given: Mapping[ast.expr, Any], env: Env
    ) -> Any:
        """Follow a function of the script, with the arguments of a call."""
        if function not in self.busy:
            return None
        if function in self.inside or len(self.inside) > _DEPTH or _is_open(node) or _is_special(function):
            self.lost = True
            return None
        frame: dict[str, Any] = {}
        inner = dict(env)
        for parameter, value, where in _matched(function, node, env):
            inner.pop(parameter, None)
            if given.get(value) is not None:
                frame[parameter.arg] = given[value]
            elif known := self.values.under(value, where):
                inner[parameter] = {parameter.arg: known[0]}
        outer, before, self.returned = self.frames.get(function, {}), self.returned, []
        self.frames = {**self.frames, function: frame}
        self.inside.append(function)
        if isinstance(function, ast.Lambda):
            self.returned.append(self.look(function.body, inner))
        else:
            self.block(function.body, inner)
        self.inside.pop()
        self.frames = {**self.frames, function: outer}
        back, self.returned = self.returned, before
        return back[0] if back and all(value is back[0] for value in back) else None

    # -- methods of paths and modules

    def _on_path(self, path: BuiltPath, method: str, node: ast.Call, given: Mapping[ast.expr, Any], env: Env) -> Any:
        others = _paths(given)
        if method == "add_module" and given:
            first = next(iter(given))
            step = given[first] if isinstance(given[first], Step) else self._module(node, first, env)
            step.branch, step.loop = self.branch, self.loop
            step.inner += others
            path.parts.append(step)
            return step
        if method in _JOINS and others:
            path.parts += others
        elif method in _JOINS:
            self._unknown(node, [path], foreign=not any(self._of_basf2(value) for value in given))
        elif others:
            self.lost = True
        return None

    def _module(self, node: ast.Call, module: ast.expr, env: Env) -> Step:
        """A module by its C++ type, or an object of a class of the script, or something that is not known."""
        names = self.values.under(module, env)
        if names and isinstance(names[0], str):
            words = {word.arg: word.value for word in node.keywords if word.arg}
            return self._step(node, "module", names[0], words, env)
        made = self.values.origin(module)
        bound = self.script.bound(made.func) if isinstance(made, ast.Call) and isinstance(made.func, ast.Name) else []
        if len(bound) == 1 and isinstance(bound[0].node, ast.ClassDef) and not _registers(bound[0].node):
            return self._step(node, "own", bound[0].node.name, {}, env)
        step = self._step(node, "unknown", "", {}, {})
        step.foreign = not self._of_basf2(made)
        return step

    def _on_module(self, module: Step, method: str, node: ast.Call, given: Mapping[ast.expr, Any]) -> None:
        if method in _CONDITIONS:
            module.inner += _paths(given) or [BuiltPath([self._step(node, "unknown", "", {}, {})])]
        elif method == "param" and len(node.args) == 2 and isinstance(node.args[0], ast.Constant):
            module.arguments[str(node.args[0].value)] = node.args[1]
        elif method == "param" and len(node.args) == 1 and isinstance(node.args[0], ast.Dict):
            pairs = zip(node.args[0].keys, node.args[0].values, strict=True)
            module.arguments.update((str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant))
        elif method == "param":
            module.kind = "unknown"
        elif _paths(given):
            self.lost = True

    def _of_basf2(self, node: ast.expr) -> bool:
        """Whether something comes from a package of basf2 of which nothing but names is known."""
        for _ in range(_DEPTH):
            node = self.values.origin(node)
            if not isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
                return False
            dotted = self.script.dotted(node.func) if isinstance(node, ast.Call) else ""
            if dotted:
                return dotted.partition(".")[0] in OPAQUE_PACKAGES
            node = node.func if isinstance(node, ast.Call) else node.value
        return False


def _tracked(context: Context) -> set[str]:
    """The names that something is added to."""
    given = [call.arguments.get(word) for call in context.calls for word in ("path", "roe_path")]
    given += [
        call.func.value
        for call in context.script.calls
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"add_module", *_JOINS}
    ]
    return {name.id for name in given if isinstance(name, ast.Name)}


def _paths(given: Mapping[ast.expr, Any]) -> list[BuiltPath]:
    return [value for value in given.values() if isinstance(value, BuiltPath)]


def _registers(module: ast.ClassDef) -> bool:
    """Whether a module of the script may make lists itself."""
    return any(isinstance(node, ast.Attribute) and node.attr == "registerInDataStore" for node in ast.walk(module))


def _is_open(node: ast.Call) -> bool:
    """Whether a call has arguments that are not written out."""
    return any(isinstance(one, ast.Starred) for one in node.args) or any(word.arg is None for word in node.keywords)


def _is_special(function: ast.FunctionDef | ast.Lambda) -> bool:
    """Whether a function may do other than its body says when it is called."""
    decorated = isinstance(function, ast.FunctionDef) and function.decorator_list
    return bool(decorated) or any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in ast.walk(function))


def _matched(
    function: ast.FunctionDef | ast.Lambda, node: ast.Call, env: Env
) -> Iterator[tuple[ast.arg, ast.expr, Env]]:
    """Parameters with what is given for them, or with their defaults; and where that has its value."""
    places = [*function.args.posonlyargs, *function.args.args]
    defaults = dict(zip(reversed(places), reversed(function.args.defaults), strict=False))
    only = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    defaults.update({parameter: value for parameter, value in only if value is not None})
    words = {word.arg: word.value for word in node.keywords}
    by_place = dict(zip(places, node.args, strict=False))
    for parameter in [*places, *function.args.kwonlyargs]:
        value = by_place.get(parameter) or words.get(parameter.arg)
        if value is not None:
            yield parameter, value, env
        elif parameter in defaults:
            yield parameter, defaults[parameter], {}
