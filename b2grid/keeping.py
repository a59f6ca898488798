"""The inputs of a project, as they are kept with it: one row per file, what is left out, and what there is to say."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from b2grid.errors import Finding, InvalidInput, printable

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from b2grid.catalogue import Inputs
    from b2grid.execution import ProjectFolder

__all__ = ["read_inputs", "write_inputs"]

_FINDINGS = b"b2grid.findings"


def write_inputs(folder: ProjectFolder, inputs: Inputs) -> None:
    """Write the inputs of a project; the findings are in the metadata of what is left out."""
    said = json.dumps([asdict(finding) for finding in inputs.findings])
    _write(folder.inputs, inputs.table)
    _write(folder.left_out, inputs.left_out.replace_schema_metadata({_FINDINGS: said.encode()}))


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _read(path: Path) -> pa.Table:
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()
    except (OSError, pa.ArrowException) as error:
        raise InvalidInput(
            f"{printable(path)} is missing or damaged: {printable(error)}",
            hint="restore it from a copy; jobs and outputs are not affected",
        ) from error


def read_inputs(folder: ProjectFolder) -> Inputs:
    """The inputs of a stored project.

    Raises
    ------
    InvalidInput
        If they are missing or damaged.
    """
    import pyarrow as pa

    from b2grid.catalogue import Inputs
    from b2grid.catalogue.model import INPUTS

    inputs = _read(folder.inputs)
    for field in INPUTS:
        if field.name not in inputs.column_names:  # stored before there was this column
            inputs = inputs.append_column(field, pa.nulls(len(inputs), field.type))
    left_out = _read(folder.left_out)
    said = json.loads((left_out.schema.metadata or {}).get(_FINDINGS, b"[]"))
    return Inputs(inputs, left_out.replace_schema_metadata(None), tuple(Finding(**one) for one in said))
