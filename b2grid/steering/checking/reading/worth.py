"""What expressions are worth to a job, whose arguments may be known, and which has no files but its sandbox."""

from __future__ import annotations

import ast
import copy
import operator
import posixpath
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from b2grid.steering.checking.context import Context

__all__ = ["ANY", "LISTS", "Worth", "is_system"]

ANY = object()
"""An argument of which only the place is known."""

LISTS = {"glob.glob", "glob.iglob", "os.listdir", "os.scandir"}
"""What looks for files, and takes a folder or pattern."""

_DEPTH = 40
_STEPS = 100_000  # for a whole script
_CHANGING = {"append", "extend", "insert", "pop", "remove", "clear", "reverse", "sort"}
_EXISTING = {"os.path.exists", "os.path.isfile", "os.path.isdir", "os.path.lexists"}
_SAME = {"os.path.expanduser", "os.path.normpath"}
_MAKING = re.compile(r"mkdir|makedirs|os\.system|subprocess|copytree|symlink|extractall|unpack_archive")
_SYSTEM = ("/cvmfs/", "/dev/", "/proc/", "/sys/", "/etc/", "/usr/", "/bin/", "/lib")


class _Unknown(Exception):
    """The value depends on what is not known."""


def is_system(file: str) -> bool:
    """Whether every host has it at this place, or it is no file at all.

    >>> is_system("/cvmfs/belle.cern.ch/x.root"), is_system("/home/me/x.root")
    (True, False)
    """
    return posixpath.normpath(file).startswith(_SYSTEM) or "://" in file or file.startswith("file:")


class Worth:
    """Evaluates expressions of a script as far as a job makes them certain.

    Parameters
    ----------
    context : Context
    args : sequence or None
        The arguments of the script, `ANY` for a word that is not known; `None` where not even their number is.

    Attributes
    ----------
    bare : bool
        Whether files that are neither in the sandbox nor on every host are taken as missing.
    makes_folders : bool
        Whether the script may make folders.
    """

    def __init__(self, context: Context, args: Sequence[object] | None) -> None:
        self.context = context
        self.script = context.script
        self.bare = False
        self.makes_folders = _MAKING.search("\n".join(context.lines)) is not None
        self.changes_arguments = _changes_arguments(context)
        self.args = None if self.changes_arguments else args
        self._steps = 0

    def but(self, args: Sequence[object] | None, *, bare: bool = False) -> Self:
        """The same script with other arguments, or where nothing is found by looking for files."""
        other = copy.copy(self)
        other.args, other.bare = None if self.changes_arguments else args, bare
        return other

    def truth(self, test: ast.expr, depth: int = 0) -> bool | None:
        """Whether a test holds; `None` where that is not known."""
        if depth > _DEPTH:
            return None
        if isinstance(test, ast.BoolOp):
            decides = isinstance(test.op, ast.Or)
            found = [self.truth(value, depth + 1) for value in test.values]
            return decides if decides in found else None if None in found else not decides
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self.truth(test.operand, depth + 1)
            return None if inner is None else not inner
        try:
            value = self._value(test)
        except (_Unknown, IndexError):
            return None
        return None if value is ANY else bool(value)

    def values(self, node: ast.expr) -> list[Any]:
        """All values that an expression takes; empty if unknown."""
        found = self.context.values.all(node)
        if not found:
            try:
                found = [self._value(node)]
            except (_Unknown, IndexError):
                return []
        return found

    def fails(self, node: ast.expr) -> bool:
        """Whether an expression is certain to take what a list does not have."""
        try:
            self._value(node)
        except IndexError:
            return True
        except _Unknown:
            return False
        return False

    def is_missing(self, file: object) -> bool:
        """Whether a job cannot have a file, or any of a pattern: it is neither everywhere nor in the sandbox."""
        if not isinstance(file, str) or not file or is_system(file):
            return False
        if file.startswith(("/", "~")):
            return True
        first = posixpath.normpath(file).partition("/")[0]
        shipped = any(not name.parts or fnmatchcase(name.parts[0], first) for name in self.context.sandbox)
        return first not in {".", ".."} and not shipped and not (self.makes_folders and "/" in file)

    # -- by kind of expression; `None` leaves it to what is written down

    def _value(self, node: ast.expr, depth: int = 0) -> Any:
        self._steps += 1
        if depth > _DEPTH or self._steps > _STEPS:
            raise _Unknown
        if self.script.dotted(node) == "sys.argv":
            if self.args is None:
                raise _Unknown
            return ["", *self.args]
        kind = _KINDS.get(type(node))
        found = getattr(self, kind)(node, depth + 1) if kind is not None else None
        if found is not None:
            return found[0]
        values = self.context.values.all(node)
        if len(values) != 1:
            raise _Unknown
        return values[0]

    def _name(self, node: ast.Name, depth: int) -> tuple[Any] | None:
        if node.id == "__name__" and not self.script.bound(node):
            return ("__main__",)
        chosen = self.script.chosen(node)
        if len(chosen) == 1 and chosen[0].kind == "assign" and chosen[0].value is not None:
            return (self._value(chosen[0].value, depth),)
        return None

    def _subscript(self, node: ast.Subscript, depth: int) -> tuple[Any] | None:
        if self.script.dotted(node.value) == "os.environ" and self.context.values.one(node.slice) == "HOME":
            return ("~",)
        owner = self._value(node.value, depth)
        if isinstance(node.slice, ast.Slice):
            bounds = [node.slice.lower, node.slice.upper, node.slice.step]
            index: Any = slice(*(None if bound is None else self._value(bound, depth) for bound in bounds))
        else:
            index = self._value(node.slice, depth)
        try:
            return (owner[index],)
        except (TypeError, KeyError, ValueError):
            raise _Unknown from None

    def _compare(self, node: ast.Compare, depth: int) -> tuple[Any] | None:
        values = [self._value(each, depth) for each in (node.left, *node.comparators)]
        if any(value is ANY or (isinstance(value, list) and ANY in value) for value in values):
            raise _Unknown
        try:
            pairs = zip(node.ops, values[:-1], values[1:], strict=True)
            return (all(_COMPARED[type(sign)](left, right) for sign, left, right in pairs),)
        except TypeError:
            raise _Unknown from None

    def _operation(self, node: ast.BinOp, depth: int) -> tuple[Any] | None:
        if not isinstance(node.op, ast.Add | ast.Sub):
            return None
        left, right = self._value(node.left, depth), self._value(node.right, depth)
        same = type(left) is type(right) and isinstance(left, int | str | list)
        if not same or (isinstance(node.op, ast.Sub) and not isinstance(left, int)):
            raise _Unknown
        return (left + right if isinstance(node.op, ast.Add) else left - right,)

    def _call(self, node: ast.Call, depth: int) -> tuple[Any] | None:
        if node.keywords or not node.args:
            return None
        name = self.script.dotted(node.func)
        if name == "os.path.join":
            parts = [self._value(each, depth) for each in node.args]
            return (posixpath.join(*parts),) if all(isinstance(part, str) for part in parts) else None
        if name in _SAME:
            return (self._value(node.args[0], depth),)
        if self.bare and name in LISTS | _EXISTING:
            missing = self.is_missing(self._value(node.args[0], depth))
            return ([] if name in LISTS else False,) if missing else None
        return self._builtin(node, depth)

    def _builtin(self, node: ast.Call, depth: int) -> tuple[Any] | None:
        if not isinstance(node.func, ast.Name) or node.func.id not in _BUILTINS or len(node.args) > 1:
            return None
        value = None if self.script.bound(node.func) else self._value(node.args[0], depth)
        return (_BUILTINS[node.func.id](value),) if isinstance(value, list | tuple | str) else None


def _changes_arguments(context: Context) -> bool:
    """Whether the script changes ``sys.argv`` itself."""
    script = context.script
    if not any("argv" in line for line in context.lines):
        return False
    if any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in _CHANGING
        and script.dotted(call.func.value) == "sys.argv"
        for call in script.calls
    ):
        return True
    changed = [node for node in script.of(ast.Attribute) if not isinstance(node.ctx, ast.Load)]
    items = [node.value for node in script.of(ast.Subscript) if not isinstance(node.ctx, ast.Load)]
    return any(script.dotted(node) == "sys.argv" for node in [*changed, *items])


def _is_in(one: Any, other: Any) -> bool:
    return one in other


_COMPARED: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: _is_in,
    ast.NotIn: lambda one, other: not _is_in(one, other),
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_BUILTINS: dict[str, Callable[[Any], Any]] = {"len": len, "bool": bool, "sorted": list, "list": list, "tuple": list}
_KINDS = {
    ast.Name: "_name",
    ast.Subscript: "_subscript",
    ast.Compare: "_compare",
    ast.BinOp: "_operation",
    ast.Call: "_call",
}
