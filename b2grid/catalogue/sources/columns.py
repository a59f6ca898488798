"""Columns of a table from outside, made into the model's types; what does not fit is named by its row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from b2grid.catalogue.sources.lines import path_problem, shortened
from b2grid.catalogue.sources.paths import kind_of
from b2grid.errors import InvalidName
from b2grid.names import CollectionPath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Wrong", "converted"]

#: A position in the array, and what is wrong with the value there.
Wrong = tuple[int, str]

_INTEGER = r"^[+-]?[0-9]{1,18}(\.0*)?$"  # pandas writes a column with an empty value as 3.0
_NUMBER = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
_YES, _NO = ("true", "yes", "1", "good"), ("false", "no", "0", "bad")
_RUN = re.compile(r"(\d{1,9}):(\d{1,9})(?::(\d{1,18}))?")
_PATHS = {"lfn": "files", "dataset": "datasets", "collection": "collections", "datasets": "datasets"}
_GOOD_PATH = r"^/belle(/[A-Za-z0-9_+][A-Za-z0-9_.+:=,@~-]*)+$"
_NOT_NEGATIVE = frozenset({"bytes", "events", "generated", "files", "experiment", "run", "run_low", "run_high"})
_ADLER32 = r"^[0-9a-f]{1,8}$"


def converted(values: Any, field: pa.Field[Any]) -> tuple[pa.Array[Any], list[Wrong]]:
    """An array as the type of a column, with empty values where something is wrong."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_large_string(values.type) or pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    made, wrong = _typed(values, field)
    more = _judged(made, field.name)
    return made, sorted([*wrong, *more]) if more else wrong


def _typed(values: Any, field: pa.Field[Any]) -> tuple[Any, list[Wrong]]:
    kind: Any = field.type
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), kind), []
    if pa.types.is_string(values.type):
        return _from_text(values, kind)
    if pa.types.is_list(kind) and (pa.types.is_list(values.type) or pa.types.is_large_list(values.type)):
        return _one_by_one(values, kind, _runs if pa.types.is_struct(kind.value_type) else _words)
    if pa.types.is_string(kind) and not pa.types.is_nested(values.type):
        return values.cast(pa.string()), []
    if pa.types.is_integer(kind) and pa.types.is_floating(values.type):
        whole = pc.fill_null(pc.or_(pc.is_nan(values), pc.equal(values, pc.floor(values))), True)
        values, wrong = _without(values, whole, "is not a whole number")
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
        made, more = _cast(values, kind)
        return made, wrong + more
    return _cast(values, kind)


def _cast(values: Any, kind: Any) -> tuple[Any, list[Wrong]]:
    try:
        return values.cast(kind), []
    except pa.ArrowException:
        return _one_by_one(values, kind, lambda value: value)


def _from_text(values: Any, kind: Any) -> tuple[Any, list[Wrong]]:
    text: Any = pc.utf8_trim_whitespace(values)
    text = pc.if_else(pc.equal(text, pa.scalar("")), pa.scalar(None, pa.string()), text)
    if pa.types.is_string(kind):
        return text, []
    if pa.types.is_boolean(kind):
        return _truths(text)
    if pa.types.is_list(kind):
        read = _run_list if pa.types.is_struct(kind.value_type) else _word_list
        return _one_by_one(text, kind, read)
    whole = pa.types.is_integer(kind)
    fits: Any = pc.match_substring_regex(text, _INTEGER if whole else _NUMBER)
    text, wrong = _without(text, fits, "is not a whole number" if whole else "is not a number")
    made, more = _cast(pc.replace_substring_regex(text, r"^\+|\.0*$" if whole else r"^\+", ""), kind)
    return made, wrong + more


def _truths(text: Any) -> tuple[Any, list[Wrong]]:
    lower: Any = pc.utf8_lower(text)
    yes, no = (pc.is_in(lower, pa.array(words)) for words in (_YES, _NO))
    known = pc.or_(pc.or_(yes, no), pc.is_null(text))
    _, wrong = _without(text, known, f"is neither of {', '.join(_YES[:2])} nor of {', '.join(_NO[:2])}")
    return pc.if_else(pc.or_(yes, no), yes, pa.scalar(None, pa.bool_())), wrong


def _without(values: Any, fits: Any, problem: str) -> tuple[Any, list[Wrong]]:
    """The values without those that do not fit, and the places of these."""
    fits = pc.fill_null(fits, True)
    if pc.all(fits).as_py() is not False:
        return values, []
    places = pc.indices_nonzero(pc.invert(fits)).to_pylist()
    wrong = [(place, f"'{shortened(values[place].as_py())}' {problem}") for place in places]
    return pc.if_else(fits, values, pa.scalar(None, values.type)), wrong


def _one_by_one(values: Any, kind: Any, read: Callable[[Any], Any]) -> tuple[Any, list[Wrong]]:
    """For what Arrow does not convert at once, and to find the values that it does not convert."""
    made: list[Any] = []
    wrong: list[Wrong] = []
    for place, value in enumerate(values.to_pylist()):
        try:
            one = None if value is None else read(value)
            made.append(pa.scalar(one, kind).as_py())
        except (ValueError, TypeError, OverflowError, pa.ArrowException):
            made.append(None)
            wrong.append((place, f"'{shortened(str(value))}' is not {_name(kind)}"))
    return pa.array(made, kind), wrong


def _name(kind: Any) -> str:
    if pa.types.is_list(kind):
        return "a list of runs such as 18:1394:1000;18:1395" if pa.types.is_struct(kind.value_type) else "a list"
    names = {"int": "a whole number that fits", "double": "a number", "bool": "yes or no"}
    return next((name for begin, name in names.items() if str(kind).startswith(begin)), f"a {kind}")


def _words(values: Any) -> Any:
    if any(not isinstance(value, str) for value in values):
        raise ValueError(values)
    return values


def _runs(values: Any) -> Any:
    if any(None in (run.get("experiment"), run.get("run")) for run in values):
        raise ValueError(values)
    return values


def _word_list(text: str) -> list[str]:
    return [word.strip() for word in text.split(";") if word.strip()]


def _run_list(text: str) -> list[dict[str, int | None]]:
    runs: list[dict[str, int | None]] = []
    for word in _word_list(text):
        found = _RUN.fullmatch(word)
        if not found:
            raise ValueError(word)
        experiment, run, events = (None if part is None else int(part) for part in found.groups())
        runs.append({"experiment": experiment, "run": run, "events": events})
    return runs


def _judged(values: Any, name: str) -> list[Wrong]:
    """What is wrong with values of the right type."""
    if name in _NOT_NEGATIVE and pa.types.is_integer(values.type):
        return _without(values.cast(pa.int64()), pc.greater_equal(values, pa.scalar(0, values.type)), "is negative")[1]
    if name == "adler32":
        return _without(values, pc.match_substring_regex(values, _ADLER32), "is not a hexadecimal checksum")[1]
    return list(_bad_paths(values, name)) if name in _PATHS else []


def _bad_paths(values: Any, name: str) -> Iterator[Wrong]:
    if pa.types.is_list(values.type):
        places, paths = pc.list_parent_indices(values), pc.list_flatten(values)
    else:
        places, paths = pa.array(np.arange(len(values))), values
    odd: Any = pc.invert(pc.fill_null(pc.match_substring_regex(paths, _GOOD_PATH), True))
    odd = pc.or_(odd, pc.fill_null(pc.greater(pc.binary_length(paths), pa.scalar(255)), False))
    if name == "collection":  # they are few
        odd = pc.is_valid(paths)
    elif name != "lfn":
        odd = pc.or_(odd, pc.fill_null(pc.match_substring_regex(paths, r"\.root$|^/belle/collection/"), False))
    if not pc.any(odd).as_py():
        return
    for place, path in zip(places.filter(odd).to_pylist(), paths.filter(odd).to_pylist(), strict=True):
        if problem := path_problem(path):
            yield place, f"'{shortened(path)}' {problem}"
        elif name == "collection" and not _is_collection(path):
            yield place, f"'{shortened(path)}' is not /belle/collection/<Data|MC>/<name>_vN"
        elif name != "lfn" and kind_of(path) != _PATHS[name]:
            yield place, f"'{shortened(path)}' is not the path of a {_PATHS[name].removesuffix('s')}"


def _is_collection(path: str) -> bool:
    try:
        CollectionPath.parse(path)
    except InvalidName:
        return False
    return True
