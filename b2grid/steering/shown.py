"""A recipe on a terminal and in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.html import Html, definitions, details, table, tag
from b2grid.steering.drawing import draw
from b2grid.steering.recipe import some

if TYPE_CHECKING:
    from collections.abc import Iterator

    from b2grid.steering.parts import ModuleInfo, SubPath
    from b2grid.steering.recipe import Recipe

__all__ = ["html", "text"]

_HIGHEST = 560  # pixels of a drawing before it scrolls
_MOST = 300  # lists and trees that are drawn unasked
_TYPES = 8  # modules of a path that are named on a terminal
_INDENT = 18  # pixels for each level of nested paths


def text(recipe: Recipe) -> str:
    """Line by line, for a terminal."""
    return "\n".join(printable(row) for row in _rows(recipe))


def _rows(recipe: Recipe) -> Iterator[str]:
    yield recipe.summary()
    yield from (f"  input   {name}" for name in recipe.inputs)
    for made in recipe.lists:
        yield f"  list    {made.name:<24} {made.decay}  [{made.cut or 'no cut'}]  {recipe.place(made.line)}"
    for tree in recipe.ntuples:
        rows_of, columns = tree.particle_list or "(per event)", some(len(tree.columns), "column")
        yield f"  tree    {tree.file}:{tree.tree}  {rows_of}  {columns}  {recipe.place(tree.line)}"
    for output in recipe.other_outputs:
        yield f"  {output.kind:<7} {output.file}  {', '.join(output.particle_lists)}  {recipe.place(output.line)}"
    for module in recipe.modules:
        for inner in module.sub_paths:
            types = [item.type for item in recipe.modules if item.path == inner.path]
            yield f"  path    {_where(recipe, module, inner)}: {_few(types) or 'nothing'}"
    yield from (f"  by name {item.type}  {recipe.place(item.line)}" for item in recipe.opaque)
    yield from (f"  program {item.command}  {recipe.place(item.line)}" for item in recipe.started)
    yield from (f"  note    {note}" for note in recipe.notes)


def _few(types: list[str]) -> str:
    more = len(types) - _TYPES
    return ", ".join(types[:_TYPES]) + (f" and {more} more" if more > 0 else "")


def _where(recipe: Recipe, module: ModuleInfo, inner: SubPath) -> str:
    """When a module leads to another path, and what comes after it."""
    after = ", then the event ends" if inner.after == "end" else ""
    return f"{inner.when} ({module.type}, {recipe.place(module.line)}){after}"


def html(recipe: Recipe) -> Html:
    """The drawing, and below it everything in tables."""
    parts = [
        tag("div", recipe.summary(), style="font-weight:bold"),
        tag("div", _drawing(recipe), style=f"overflow:auto;max-height:{_HIGHEST}px"),
        definitions({key: value for key, value in _facts(recipe).items() if value}),
        table(
            ["tree", "file", "list", "columns", "line"],
            [
                (tree.tree, tree.file, tree.particle_list or "per event", _columns(tree.columns), tree.line)
                for tree in recipe.ntuples
            ],
            caption="trees",
            numeric=[4],
        ),
        *_folded(recipe),
    ]
    return Html("".join(parts))


def _folded(recipe: Recipe) -> Iterator[Html]:
    if recipe.lists:
        rows = [(made.name, made.decay, made.cut, made.module, made.line) for made in recipe.lists]
        yield details(
            some(len(rows), "particle list"), table(["list", "made of", "cut", "by", "line"], rows, numeric=[4])
        )
    if recipe.aliases:
        aliases = table(["alias", "definition"], list(recipe.aliases.items()))
        yield details(some(len(recipe.aliases), "alias", "es"), aliases)
    modules = table(["module", "parameters", "line"], _modules(recipe), numeric=[2])
    yield details(some(len(recipe.modules), "module"), modules)


def _drawing(recipe: Recipe) -> Html:
    count = len(recipe.lists) + len(recipe.ntuples)
    return draw(recipe) if count <= _MOST else Html(f"{count} lists and trees: drawing() draws them all")


def _facts(recipe: Recipe) -> dict[str, str]:
    return {
        "input": ", ".join(recipe.inputs),
        "global tags": ", ".join(recipe.global_tags),
        "seed": recipe.seed or "",
        "imported": ", ".join(name for name, kind in recipe.imported.items() if kind != "basf2"),
        "opened": ", ".join(name if there else f"{name} (not there)" for name, there in recipe.opened.items()),
        "other outputs": "; ".join(f"{output.file} ({output.kind})" for output in recipe.other_outputs),
        "known by name only": ", ".join(sorted({item.type for item in recipe.opaque})),
        "programs started": "; ".join(f"{item.command} ({recipe.place(item.line)})" for item in recipe.started),
        "after process": "; ".join(recipe.notes),
    }


def _columns(columns: tuple[str, ...]) -> Html:
    return details(len(columns), ", ".join(columns))


def _modules(recipe: Recipe) -> Iterator[tuple[Html, str, int | None]]:
    """The modules in order, those of conditional paths and loops indented below the module that leads there."""
    for depth, module, inner in recipe.nested():
        style = f"padding-left:{depth * _INDENT}px"
        if inner is not None:
            after = ", then the event ends" if inner.after == "end" else ""
            yield tag("em", f"{inner.when}{after}:", style=style), "", None
        else:
            params = ", ".join(f"{name}={value!r}" for name, value in module.params.items())
            yield tag("span", module.type, style=style), params, module.line
