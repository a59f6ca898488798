"""The list of what must be survived, held against the tests that are here."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.faults.report import ROWS


def test_every_row_has_a_test() -> None:
    trees = [ast.parse(path.read_text()) for path in Path(__file__).parent.glob("test_*.py")]
    answered = {
        ast.literal_eval(decorator.args[0])
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_row")
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "fault"
    }
    assert answered == set(ROWS)
