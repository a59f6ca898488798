"""Reading JSON that may come from anywhere: only the shape that is asked for, and every problem at once."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from b2grid.errors import Finding, InvalidInput, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Problems", "Shape", "parse"]

_LARGEST = 64 * 1024**2  # a manifest of 1000 inputs and 100 trees has under 1 MB
_SHOWN = 3
_FILE_NAME = re.compile(r"(?![-.~])[^/\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_SURROGATE = re.compile("[\ud800-\udfff]")  # half of a character: cannot be printed or stored
_MISSING: Any = object()


@dataclass(slots=True)
class Problems:
    """What was found wrong, each with its place in the document."""

    found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, where: str, what: str) -> None:
        """Remember one problem."""
        self.found.append((where, printable(what)))


class Shape:
    """How one kind of record looks: a check for each of its fields, and no others.

    Parameters
    ----------
    kind : type
        Called with the checked fields.
    fields : dict
        Name -> check, a function of (value, where, problems) that returns what is kept.
    also : callable, optional
        Checks that need the whole record.
    may_lack : sequence of str
        Fields for which `kind` has a default; all others are required.
    """

    def __init__(
        self,
        kind: type,
        fields: Mapping[str, Callable[[Any, str, Problems], Any]],
        also: Callable[[Any, str, Problems], None] | None = None,
        may_lack: Sequence[str] = (),
    ) -> None:
        self.kind, self.fields, self.also, self.may_lack = kind, fields, also, may_lack

    def __call__(self, value: Any, where: str, problems: Problems) -> Any:
        """Check one record, field by field."""
        if not isinstance(value, dict):
            return _refuse(value, where, problems, "an object")
        before = len(problems.found)
        for name in value.keys() - self.fields.keys():
            problems.add(where, f"unknown field {name[:80]!r}")
        kept = {}
        for name, check in self.fields.items():
            if name in value:
                kept[name] = check(value[name], f"{where}.{name}", problems)
            elif name not in self.may_lack:
                problems.add(where, f"field {name!r} is missing")
        if len(problems.found) > before:
            return _MISSING
        record = self.kind(**kept)
        if self.also is not None:
            self.also(record, where, problems)
        return record

    @staticmethod
    def text(shortest: int = 0, longest: int = 4096) -> Callable[[Any, str, Problems], Any]:
        """A string, with its length in characters."""

        def check(value: Any, where: str, problems: Problems) -> Any:
            good = isinstance(value, str) and shortest <= len(value) <= longest
            if not good or _SURROGATE.search(value):
                return _refuse(value, where, problems, f"a text of {shortest} to {longest} characters")
            return value

        return check

    @staticmethod
    def file_name() -> Callable[[Any, str, Problems], Any]:
        """A file name without a folder, which no program takes for an option or a hidden file."""

        def check(value: Any, where: str, problems: Problems) -> Any:
            if not isinstance(value, str) or not _FILE_NAME.fullmatch(value) or len(value.encode()) > 255:
                return _refuse(value, where, problems, "a plain file name without a folder")
            return value

        return check

    @staticmethod
    def digits(
        shortest: int, longest: int | None = None, convert: Callable[[str], Any] = str.lower
    ) -> Callable[[Any, str, Problems], Any]:
        """Hexadecimal digits."""
        pattern = re.compile(f"[0-9a-fA-F]{{{shortest},{longest or shortest}}}")

        def check(value: Any, where: str, problems: Problems) -> Any:
            if not isinstance(value, str) or not pattern.fullmatch(value):
                return _refuse(value, where, problems, f"{longest or shortest} hexadecimal digits")
            return convert(value)

        return check

    @staticmethod
    def count(least: int = 0) -> Callable[[Any, str, Problems], Any]:
        """An integer of 64 bits, not below `least`."""

        def check(value: Any, where: str, problems: Problems) -> Any:
            if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**63:
                return _refuse(value, where, problems, f"an integer from {least} on")
            return value

        return check

    @staticmethod
    def one_of(*choices: str) -> Callable[[Any, str, Problems], Any]:
        """One of some words."""

        def check(value: Any, where: str, problems: Problems) -> Any:
            if not isinstance(value, str) or value not in choices:
                return _refuse(value, where, problems, f"one of {', '.join(choices)}")
            return value

        return check

    @staticmethod
    def optional(inner: Callable[[Any, str, Problems], Any]) -> Callable[[Any, str, Problems], Any]:
        """What `inner` takes, or null."""

        def check(value: Any, where: str, problems: Problems) -> Any:
            return None if value is None else inner(value, where, problems)

        return check

    @staticmethod
    def list_of(inner: Callable[[Any, str, Problems], Any]) -> Callable[[Any, str, Problems], Any]:
        """A list, kept as a tuple."""

        def check(value: Any, where: str, problems: Problems) -> Any:
            if not isinstance(value, list):
                return _refuse(value, where, problems, "a list")
            return tuple(inner(item, f"{where}[{index}]", problems) for index, item in enumerate(value))

        return check

    @staticmethod
    def numbers() -> Callable[[Any, str, Problems], Any]:
        """An object of finite numbers."""

        def check(value: Any, where: str, problems: Problems) -> Any:
            good = isinstance(value, dict) and all(
                isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
                for number in value.values()
            )
            return value if good else _refuse(value, where, problems, "an object of numbers")

        return check


def parse(text: str | bytes, shape: Shape, *, where: str, format_known: int) -> Any:
    """Read a JSON document of a numbered format.

    Raises
    ------
    InvalidInput
        With every problem as a finding; a newer format than `format_known` is refused with both numbers.
    """
    document = _load(text, where)
    if not isinstance(document, dict):
        raise InvalidInput(f"{where} is not a JSON object", hint="it was not written by b2grid")
    found = document.pop("format", None)
    if isinstance(found, int) and not isinstance(found, bool) and found > format_known:
        raise InvalidInput(
            f"{where} has format {found}, this b2grid reads up to format {format_known}",
            hint="use the newer b2grid that wrote it",
        )
    problems = Problems()
    if found != format_known or isinstance(found, bool):
        problems.add("format", f"{found!r} is not {format_known}")
    record = shape(document, "", problems)
    if problems.found:
        raise _invalid(where, problems)
    return record


def _load(text: str | bytes, where: str) -> Any:
    if len(text) > _LARGEST:
        raise InvalidInput(f"{where} is {len(text)} bytes, more than {_LARGEST}", hint="it was not written by b2grid")
    try:
        return json.loads(text, object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # ValueError covers bad UTF-8 and integers of 5000 digits
        raise InvalidInput(
            f"{where} is not a JSON document: {printable(error)[:200]}",
            hint="it is damaged, or was not written by b2grid",
        ) from None


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return made


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _refuse(value: Any, where: str, problems: Problems, wanted: str) -> Any:
    shown = repr(value) if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"
    problems.add(where, f"{shown[:80]} is not {wanted}")
    return _MISSING


def _invalid(where: str, problems: Problems) -> InvalidInput:
    said = [f"{place.lstrip('.') or 'document'}: {what}" for place, what in problems.found]
    more = f" and {len(said) - _SHOWN} more" if len(said) > _SHOWN else ""
    findings = tuple(Finding("B2M001", "error", text) for text in said)
    return InvalidInput(
        f"{where} is not valid: {'; '.join(said[:_SHOWN])}{more}",
        hint="it is damaged, or was not written by b2grid",
        findings=findings,
    )
