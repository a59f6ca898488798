"""How a trial looks: tables in a notebook, lines on a terminal, and the same lines in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from b2grid.errors import printable
from b2grid.html import Html, details, table, tag
from b2grid.steering.trying.messages import SERIOUS, marked
from b2grid.steering.trying.remarks import plain
from b2grid.steering.trying.timing import HOW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from b2grid.ntuple.profiling import Multiplicity, TreeProfile
    from b2grid.steering.trying.values import Measurement, Trial

__all__ = ["as_html", "as_lines", "as_rich"]

_COLOUR = {"error": "#b00020", "warning": "#9a6700", "note": "#0550ae", "good": "#1a7f37"}
_STYLE = {"error": "bold red", "warning": "yellow", "note": "blue", "good": "green", "head": "bold", "": ""}
_TONE = {"FATAL": "error", "ERROR": "error", "WARNING": "warning", "": ""}
_BLOCKS = " ▁▂▃▄▅▆▇█"
_BINS = ("1", "2", "3", "4", "5+")
_TAIL = 12  # lines of a log that are shown on a terminal
_MESSAGES = 10  # distinct messages, as well

_SAMPLES = ("sample", "events", "per event", "set-up", "memory", "log", "result")
_TREES = ("tree", "sample", "rows", "rows/event", "bytes/event", "candidates", "mean", "most")


def _number(value: float) -> str:
    """Three digits, never as a power of ten where people count: rows, bytes, seconds."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    if value < 0.1:
        return f"{1000 * value:.2g} ms"
    return f"{value:.2g} s" if value < 10 else f"{value:,.0f} s"


def _events(item: Measurement) -> str:
    if not item.ok:
        return ""
    return f"{item.events:,}" + (f" of {item.asked:,}" if 0 < item.events < item.asked else "")


def _setup(item: Measurement) -> str:
    if not item.events:
        return ""
    return _seconds(item.seconds_setup) if item.setup_how else "not known"


def _memory(item: Measurement) -> str:
    return f"{item.peak_memory / 1e6:,.0f} MB" if item.peak_memory else ""


def _sample_cells(item: Measurement) -> tuple[str, ...]:
    result = "works" if item.ok else "failed" if item.input_ok else "not run"
    timing = (_seconds(item.seconds_per_event), _setup(item))
    log = str(item.log) or ("no warnings" if item.exit_code is not None else "")
    return (item.sample, _events(item), *timing, _memory(item), log, result)


def _tree_cells(item: Measurement, tree: TreeProfile, drawn: str) -> tuple[str, ...]:
    """A row of the table of trees from its second cell on; `drawn` is the histogram of its candidates."""
    if not (tree.rows and item.events):
        return (item.sample, f"{tree.rows:,}", "", "", "", "", "")
    grown = tree.bytes if tree.row_bytes is None else tree.rows * tree.row_bytes
    per_event = (_number(tree.rows / item.events), _number(grown / item.events))
    counted = tree.multiplicity
    candidates = (drawn, f"{counted.mean:.3g}", str(counted.largest)) if counted is not None else ("", "", "")
    return (item.sample, f"{tree.rows:,}", *per_event, *candidates)


def _by_tree(trial: Trial) -> Iterator[tuple[str, list[tuple[Measurement, TreeProfile]]]]:
    """The trees in the order in which they were first met, each with what every sample has in it."""
    found: dict[str, list[tuple[Measurement, TreeProfile]]] = {}
    for item in trial.measurements:
        for tree in item.trees:
            found.setdefault(f"{tree.file}:{tree.tree}", []).append((item, tree))
    yield from found.items()


def _hows(trial: Trial) -> dict[str, list[str]]:
    """How the set-up was told apart, and of which samples; what the program says itself needs no word."""
    found: dict[str, list[str]] = {}
    for item in trial.measurements:
        if item.events and item.setup_how != "account":
            found.setdefault(item.setup_how, []).append(item.sample)
    return found


# ---- on a terminal


def as_lines(trial: Trial) -> list[tuple[str, str]]:
    """The lines, printable, each with what it is: error, warning, note, good, head, or nothing."""
    lines = _aligned(
        _SAMPLES,
        [_sample_cells(item) for item in trial.measurements],
        ["good" if item.ok else "error" for item in trial.measurements],
    )
    lines += [(f"set-up of {', '.join(samples)}: {HOW[how]}", "") for how, samples in _hows(trial).items()]
    lines += [(f"{item.sample}: {note}", "") for item in trial.measurements for note in item.notes]
    lines += _message_lines(trial)
    lines += _tree_lines(trial)
    if others := [(item.sample, name, size) for item in trial.measurements for name, size in item.others]:
        lines.append(("", ""))
        lines += [(f"{sample}: wrote {name}, {_size(size)}", "") for sample, name, size in others]
    if (numbers := trial.gbasf2()).rows:
        lines += [("", ""), *((line, "") for line in str(numbers).splitlines())]
    if findings := trial.findings:
        lines.append(("", ""))
    for finding in findings:
        lines.append((f"{finding.severity} {finding.code}: {finding.message}", finding.severity))
        lines += [(f"    -> {finding.hint}", "")] if finding.hint else []
    for item in trial.measurements:
        lines += _log_lines(item)
    return [(printable(text), kind) for text, kind in lines]


def _aligned(headers: Sequence[str], rows: Sequence[Sequence[str]], kinds: Sequence[str] = ()) -> list[tuple[str, str]]:
    shown = [list(headers), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in shown) for column in range(len(headers))]
    texts = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    return list(zip(texts, ["head", *(kinds or [""] * len(rows))], strict=True))


def _tree_lines(trial: Trial) -> list[tuple[str, str]]:
    rows = [
        (name if not number else "", *_tree_cells(item, tree, _blocks(tree.multiplicity)))
        for name, found in _by_tree(trial)
        for number, (item, tree) in enumerate(found)
    ]
    return [("", ""), *_aligned(_TREES, rows)] if rows else []


def _blocks(counted: Multiplicity | None) -> str:
    """A bar for each number of candidates; what is there at all is seen."""
    if counted is None:
        return ""
    most = max(counted.counts) or 1
    return "".join(_BLOCKS[-(-8 * count // most)] for count in counted.counts).rstrip()


def _message_lines(trial: Trial) -> list[tuple[str, str]]:
    """The distinct messages of all logs, with how often each came in which sample."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in trial.measurements:
        for one in item.log.messages:
            found.setdefault((one.level, one.text), []).append(f"{one.count} in {item.sample}")
    order = sorted(found, key=lambda said: SERIOUS.index(said[0]))
    lines = [(f"{level}: {text}  ({', '.join(found[level, text])})", _TONE[level]) for level, text in order[:_MESSAGES]]
    more = len(order) - _MESSAGES
    return [("", ""), *lines, *([(f"and {more} more messages", "")] if more > 0 else [])] if lines else []


def _log_lines(item: Measurement) -> list[tuple[str, str]]:
    """The end of the log of what did not work."""
    if item.ok or not item.log_tail:
        return []
    lines = [(f"  | {text}", _TONE[level]) for level, text in list(marked(item.log_tail))[-_TAIL:]]
    where = f", all of it in {item.log_file}" if item.log_file else ""
    return [("", ""), (f"the end of the log of {item.sample}{where}:", "head"), *lines]


def as_rich(trial: Trial) -> Text:
    """The lines in colour."""
    from rich.text import Text

    text = Text()
    for number, (line, kind) in enumerate(as_lines(trial)):
        text.append("\n" if number else "").append(line, style=_STYLE[kind])
    return text


# ---- in a notebook


def as_html(trial: Trial) -> str:
    """Tables: samples, trees, what else was written, what gbasf2 wants, findings, logs."""
    rows = [
        (tag("span", item.sample, title=item.file), *_sample_cells(item)[1:-1], _result(item))
        for item in trial.measurements
    ]
    parts = [table(_SAMPLES, rows, caption="trial", numeric=(1, 2, 3, 4))]
    parts += [_quiet(f"set-up of {', '.join(samples)}: {HOW[how]}") for how, samples in _hows(trial).items()]
    parts += [_quiet(f"{item.sample}: {note}") for item in trial.measurements for note in item.notes]
    parts += [_trees(trial), _others(trial)]
    if (numbers := trial.gbasf2()).rows:
        parts.append(Html(numbers._repr_html_()))
    parts += [_findings(trial)]
    parts += [_log(item) for item in trial.measurements if item.log_tail]
    return "".join(parts)


def _quiet(text: str) -> Html:
    return tag("div", text, style="color:#57606a")


def _toned(text: str, tone: str) -> Html:
    return tag("span", text, style=f"color:{_COLOUR[tone]}" if tone else None)


def _result(item: Measurement) -> Html:
    return _toned(f"{'✓' if item.ok else '✗'} {_sample_cells(item)[-1]}", "good" if item.ok else "error")


def _trees(trial: Trial) -> Html:
    rows = [
        (_tree_name(tree) if not number else "", *_tree_cells(item, tree, _bars(tree.multiplicity)), _columns(tree))
        for _, found in _by_tree(trial)
        for number, (item, tree) in enumerate(found)
    ]
    return table((*_TREES, "columns"), rows, caption="trees", numeric=(2, 3, 4, 6, 7)) if rows else Html()


def _tree_name(tree: TreeProfile) -> Html:
    return Html(tag("b", tree.tree) + _quiet(f"{tree.file}, {tree.columns} column{'s' * (tree.columns != 1)}"))


def _columns(tree: TreeProfile) -> Html:
    """The columns that say nothing, folded away."""
    parts = []
    if tree.nan:
        parts.append(details(_toned(f"{len(tree.nan)} NaN", "warning"), ", ".join(tree.nan)))
    if tree.constant and tree.rows > 1:
        values = ", ".join(f"{column} = {plain(value)}" for column, value in tree.constant.items())
        parts.append(details(f"{len(tree.constant)} with one value", values))
    if tree.unread:
        parts.append(details(f"{len(tree.unread)} not looked into", ", ".join(tree.unread)))
    return Html("".join(parts))


def _bars(counted: Multiplicity | None) -> Html:
    """A small histogram of the candidates per event."""
    if counted is None:
        return Html()
    width, height, top = 15, 22, max(counted.counts) or 1
    bars = []
    for number, (label, count) in enumerate(zip(_BINS, counted.counts, strict=True)):
        tall = height * count / top if not count else max(height * count / top, 1.0)
        place = {"x": number * width + 1, "y": f"{height - tall:.1f}", "width": width - 3, "height": f"{tall:.1f}"}
        said = tag("title", f"{label} candidate{'s' * (label != '1')}: {count} event{'s' * (count != 1)}")
        name = tag(
            "text", label, x=number * width + width / 2 - 0.5, y=height + 9, font_size=8, text_anchor="middle",
            fill="currentColor",
        )  # fmt: skip
        bars.append(tag("g", said, tag("rect", **place, fill="#557aa8"), name))
    base = tag("line", x1=0, y1=height, x2=5 * width, y2=height, stroke="#8fa3bd")
    spoken = ", ".join(f"{label}: {count}" for label, count in zip(_BINS, counted.counts, strict=True))
    size = {"width": 5 * width, "height": height + 11}
    return tag("svg", *bars, base, **size, role="img", aria_label=f"candidates per event: {spoken}")


def _others(trial: Trial) -> Html:
    rows = [(item.sample, name, _size(size)) for item in trial.measurements for name, size in item.others]
    return table(["sample", "file", "size"], rows, caption="other files", numeric=[2]) if rows else Html()


def _size(count: int) -> str:
    return f"{count:,} bytes" if count < 10_000 else f"{count / 1024**2:.3g} MB"


def _findings(trial: Trial) -> Html:
    rows = [
        (
            _toned(f"{finding.severity} {finding.code}", finding.severity),
            Html(tag("div", finding.message) + (_quiet(finding.hint) if finding.hint else "")),
        )
        for finding in trial.findings
    ]
    return table(["finding", ""], rows) if rows else Html()


def _log(item: Measurement) -> Html:
    """The messages with how often each came, and the end of the log with its serious lines marked."""
    messages = [(_toned(one.level, _TONE[one.level]), one.count, one.text) for one in item.log.messages]
    lines = [
        _toned(text, _TONE[level]) + "\n" if level else tag("span", text) + "\n"
        for level, text in marked(item.log_tail)
    ]
    said = str(item.log)
    return details(
        f"log of {item.sample}" + (f": {said}" if said else ""),
        table(["level", "times", "message"], messages, numeric=[1]) if messages else "",
        tag("pre", *map(Html, lines), style="max-height:24em;overflow:auto"),
        _quiet(f"all of it: {item.log_file}") if item.log_file else "",
        opened=not item.ok,
    )
