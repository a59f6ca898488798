"""Arguments of the script: a job that is given too few of them stops."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.steering.checking.job.process import ends
from b2grid.steering.checking.reading.worth import ANY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.steering.checking.context import Context
    from b2grid.steering.checking.reading.script import Binding
    from b2grid.steering.checking.reading.world import World

__all__ = ["check_arguments", "is_argv"]

_MOST = 12  # arguments that are tried


def check_arguments(context: Context, world: World, calls: list[ast.Call]) -> None:
    """Look for places where the script stops because of its arguments, before one of `calls` of process.

    An error where the arguments are known; where they are not, it is said how many are needed.
    """
    given: tuple[object, ...] = context.args or ()
    stops = _stops(world.but(given), calls)
    if not stops:
        return
    node, why = stops[0]
    if context.args is not None:
        said = f"with {_counted(len(given))}" if given else "without arguments"
        context.add("B2S113", f"{said}, {why}", "give what it reads: Project(…, args=[…])", node, severity="error")
        return
    enough = (count for count in range(1, _MOST) if not _stops(world.but((ANY,) * count), calls))
    count = next(enough, 0)
    needs = f"at least {_counted(count)}" if count else "arguments"
    context.add(
        "B2S113", f"the script needs {needs}: without, {why}", "a project gives them: Project(…, args=[…])", node
    )


def _counted(count: int) -> str:
    return f"{count} argument{'s' * (count != 1)}"


def _stops(world: World, calls: list[ast.Call]) -> list[tuple[ast.AST, str]]:
    """Where the script is certain to stop because of its arguments, and why, in the order of the file."""
    context = world.context
    if world.args is None:
        return []
    always = {id(node) for node in ends(world.but(None), calls)}
    found: list[tuple[ast.AST, str]] = [
        (node, "it exits here") for node in ends(world, calls) if id(node) not in always
    ]
    found += _beyond(context, world)
    for call in context.script.calls:
        if (parser := _parsed(context, call)) is not None and world.happens(call):
            found += [(call, why) for why in _missing(context, world, parser)]
    return sorted(found, key=lambda stop: getattr(stop[0], "lineno", 0))


# -- sys.argv


def _beyond(context: Context, world: World) -> Iterator[tuple[ast.AST, str]]:
    """Arguments that are read and not there."""
    for node in context.script.of(ast.Subscript):
        read = isinstance(node.ctx, ast.Load) and is_argv(context, node.value)
        if read and world.fails(node) and world.happens(node):
            yield node, f"{printable(ast.unparse(node))} is not there"
    for taken in context.script.of(ast.Assign):
        if is_argv(context, taken.value) and world.happens(taken):
            target, words = taken.targets[0], world.values(taken.value)
            if (
                isinstance(target, ast.Tuple | ast.List)
                and not any(isinstance(each, ast.Starred) for each in target.elts)
                and len(words) == 1
                and len(words[0]) != len(target.elts)
            ):
                yield taken, f"{len(words[0])} values cannot be taken as {len(target.elts)}"


def is_argv(context: Context, node: ast.expr, depth: int = 0) -> bool:
    """Whether an expression is ``sys.argv``, or a slice of it."""
    if depth > _MOST:
        return False
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        return is_argv(context, node.value, depth + 1)
    if context.script.dotted(node) == "sys.argv":
        return True
    chosen = context.script.chosen(node) if isinstance(node, ast.Name) else []
    alone = len(chosen) == 1 and chosen[0].kind == "assign" and chosen[0].value is not None
    return alone and is_argv(context, chosen[0].value, depth + 1)  # type: ignore[arg-type]


# -- argparse


def _parsed(context: Context, call: ast.Call) -> Binding | None:
    """The parser whose arguments a call takes from the command line."""
    function = call.func
    if not isinstance(function, ast.Attribute) or function.attr not in {"parse_args", "parse_known_args"}:
        return None
    if call.keywords or any(not is_argv(context, given) for given in call.args):
        return None
    return _parser(context, function.value)


def _parser(context: Context, node: ast.expr, depth: int = 0) -> Binding | None:
    script = context.script
    bound = script.bound(node) if isinstance(node, ast.Name) else []
    made = bound[0].value if len(bound) == 1 and bound[0].kind == "assign" else node
    if not isinstance(made, ast.Call) or depth > _MOST:
        return None
    if script.dotted(made.func) == "argparse.ArgumentParser":
        known = bound and not any(word.arg is None or "prefix_chars" in word.arg for word in made.keywords)
        return bound[0] if known else None
    named = script.bound(made.func) if isinstance(made.func, ast.Name) else []
    function = named[0].node if len(named) == 1 else None
    if not isinstance(function, ast.FunctionDef):
        return None
    returned = [inner.value for inner in ast.walk(function) if isinstance(inner, ast.Return)]
    return _parser(context, returned[0], depth + 1) if len(returned) == 1 and returned[0] is not None else None


def _missing(context: Context, world: World, parser: Binding) -> Iterator[str]:
    """What a parser asks for and does not get."""
    words = list(world.args or ())
    needed: list[str] = []
    for call in context.script.calls:
        function = call.func
        if not (
            isinstance(function, ast.Attribute)
            and function.attr == "add_argument"
            and isinstance(function.value, ast.Name)
            and context.script.bound(function.value) == [parser]
            and world.reaches(call)
        ):
            continue
        names = [name for given in call.args for name in context.values.all(given) if isinstance(name, str)]
        given = {word.arg: word.value for word in call.keywords}
        if len(names) != len(call.args) or None in given or not names:
            continue
        if names[0].startswith("-"):
            required = "required" in given and context.values.one(given["required"]) is True
            if required and not any(_is_option(word, names) for word in words):
                yield f"it stops for want of the option {printable(names[-1])}"
        else:
            needed += [names[0]] * _count(context, given.get("nargs"))
    values = [word for word in words if not (isinstance(word, str) and word.startswith("-"))]
    if len(values) < len(needed):
        yield f"it stops for want of {printable(', '.join(dict.fromkeys(needed[len(values) :])))}"


def _is_option(word: object, names: list[str]) -> bool:
    """Whether a word may be one of an option's names: short, long or cut short."""
    if not isinstance(word, str):
        return True
    start = word.partition("=")[0]
    return any(
        name.startswith(start) if word.startswith("--") else word.startswith(name[:2]) and word.startswith("-")
        for name in names
    )


def _count(context: Context, nargs: ast.expr | None) -> int:
    """How many words an argument takes at least; 0 if that is not known."""
    value = 1 if nargs is None else context.values.one(nargs)
    if value == "+":
        return 1
    return value if isinstance(value, int) and value > 0 else 0
