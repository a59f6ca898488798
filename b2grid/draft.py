"""What a project is made of, and where projects are: gathered from what the user gave, stored, read back."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from b2grid.errors import B2GridError, Finding, InvalidInput
from b2grid.execution import Definition, ProjectFolder, site
from b2grid.names import ProjectName

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from b2grid.catalogue import Inputs
    from b2grid.steering import Sandbox, Source

__all__ = ["Draft", "folder_of", "gather", "home", "read_inputs", "registered", "store"]


def home() -> Path:
    """The folder of b2grid's own data: `B2GRID_HOME`, else the user's data directory."""
    if named := os.environ.get("B2GRID_HOME"):
        return Path(named).expanduser().absolute()
    import platformdirs

    return platformdirs.user_data_path("b2grid")


def _registry() -> Path:
    """One entry per project name: the project itself, or a link to where it lives."""
    return home() / "projects"


def folder_of(name: str | os.PathLike[str], folder: str | os.PathLike[str] | None = None) -> ProjectFolder:
    """Where a project is, by its name or by its path.

    Raises
    ------
    InvalidName
        If it is neither a path nor a name that a project may have.
    """
    if isinstance(name, os.PathLike) or "/" in name:
        return ProjectFolder(Path(name).expanduser().absolute())
    checked = ProjectName(name)
    if folder is not None:
        return ProjectFolder(Path(folder).expanduser().absolute() / checked)
    return ProjectFolder((_registry() / checked).resolve())


def registered() -> list[ProjectFolder]:
    """The folders of all projects of this user, by name."""
    return [ProjectFolder(path.resolve()) for path in sorted(_registry().glob("*")) if (path / "project.json").is_file()]


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that was given, checked and not stored yet."""

    definition: Definition
    source: Source
    sandbox: Sandbox
    inputs: Inputs


def gather(name: str | os.PathLike[str], steering: str | os.PathLike[str] | None, inputs: Any, *, args: Any,
           sandbox: Sequence[str | os.PathLike[str]], release: str | None, where: str, runs: Any) -> Draft:
    """Read and check all that was given.

    Raises
    ------
    InvalidInput
        With everything that is wrong; nothing has been stored.
    """
    from b2grid.catalogue import Catalogue, resolve
    from b2grid.steering import Source, collect

    problems: list[InvalidInput] = []

    def attempt(step: Any) -> Any:
        try:
            return step()
        except InvalidInput as error:
            problems.append(error)

    if steering is None:
        problems.append(InvalidInput("no steering file was given", hint="Project(name, steering=…, inputs=…)"))
    if inputs is None:
        problems.append(InvalidInput("no inputs were given", hint="inputs={'signal': '/belle/collection/…'}"))
    checked = attempt(lambda: ProjectName(os.fspath(name)))
    source = attempt(lambda: Source.read(Path(steering))) if steering is not None else None
    beside = Path(steering).expanduser().absolute().parent if steering is not None else Path.cwd()
    files = attempt(lambda: collect(sandbox, beside))
    found = attempt(lambda: resolve(inputs, Catalogue(), runs)) if inputs is not None else None
    profile = attempt(lambda: site(where))
    if profile is not None:
        attempt(lambda: profile.runner(release))
    by_sample = attempt(lambda: _by_sample(args, found.samples if found is not None else []))
    if problems or source is None or found is None:
        raise _together(problems)
    definition = Definition(
        id=uuid.uuid4().hex, name=str(checked), created=time.time(), owner=getpass.getuser(),
        content_hash=_content_hash(source, files, found, by_sample, release, runs),
        steering=f"{Path(source.filename).stem}.py", sandbox=tuple(files), args=by_sample, release=release, site=where,
        runs=runs if isinstance(runs, str) else [list(run) for run in runs], inputs=_as_given(inputs))
    return Draft(definition, source, files, found)


def _together(problems: list[InvalidInput]) -> InvalidInput:
    """One error for all that is wrong; a single one stays itself."""
    if len(problems) == 1:
        return problems[0]
    findings = [finding for problem in problems
                for finding in (problem.findings or (Finding("B2S500", "error", problem.message, problem.hint),))]
    return InvalidInput(f"{len(problems)} things are wrong: {'; '.join(problem.message for problem in problems)}",
                        findings=tuple(findings))


def _by_sample(args: Any, samples: list[str]) -> dict[str, list[str]]:
    if args is None:
        return {}
    if isinstance(args, str):
        raise InvalidInput(f"args is the text {args!r}", hint=f"give a list: {args.split()!r}")
    if not isinstance(args, dict):
        return {sample: [str(word) for word in args] for sample in samples}
    if unknown := sorted(set(args) - set(samples)):
        raise InvalidInput(f"args are given for sample '{unknown[0]}', which is not among the inputs",
                           hint=f"samples: {', '.join(samples)}")
    return {sample: [str(word) for word in words] for sample, words in args.items()}


def _as_given(inputs: Any) -> dict[str, Any]:
    """The inputs as text, for people to read; what is run is in the resolved table."""
    given = inputs if isinstance(inputs, dict) else {"": inputs}
    return {str(sample): [str(getattr(item, "path", item)) for item in (what if isinstance(what, list | tuple) else [what])]
            for sample, what in given.items()}


def _content_hash(source: Source, sandbox: Sandbox, inputs: Inputs, args: dict[str, list[str]], release: str | None,
                  runs: Any) -> str:
    table = inputs.table.select(["sample", "lfn", "bytes"]).sort_by([("sample", "ascending"), ("lfn", "ascending")])
    content = {
        "steering": source.sha256, "args": args, "release": release, "runs": str(runs),
        "sandbox": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sandbox.files.items()},
        "inputs": hashlib.sha256(json.dumps(table.to_pydict()).encode()).hexdigest(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def store(draft: Draft, folder: ProjectFolder) -> None:
    """Write a draft, in the place of an earlier draft of its name.

    It is made aside and then renamed, so that a project is whole or not there.

    Raises
    ------
    InvalidInput
        If something that is not a draft is in its place.
    """
    _register(folder)
    aside = folder.path.with_name(f".{folder.path.name}.{draft.definition.id[:8]}")
    try:
        made = ProjectFolder(aside)
        made.steering.mkdir(parents=True)
        draft.sandbox.unpack(made.steering)
        (made.steering / draft.definition.steering).write_text(draft.source.text)
        _write_table(made.inputs, draft.inputs.table)
        _write_table(made.left_out, draft.inputs.left_out)
        made.write_definition(draft.definition)
        if folder.path.exists():
            if not folder.exists or folder.read_definition().state != "draft":
                raise InvalidInput(f"'{folder.path}' exists, and is not a draft", hint="choose another name or folder")
            shutil.rmtree(folder.path)
        aside.rename(folder.path)
    except OSError as error:
        raise B2GridError(f"project '{draft.definition.name}' cannot be stored in '{folder.path.parent}': "
                          f"{error.strerror}", hint="give another place with folder=…, or set B2GRID_HOME") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _register(folder: ProjectFolder) -> None:
    """Give a project that lives elsewhere its entry, so that its name is known and found."""
    entry = _registry() / folder.path.name
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    _registry().mkdir(parents=True, exist_ok=True)
    if entry.resolve() == folder.path.resolve():
        return
    if entry.exists():
        raise InvalidInput(f"project '{folder.path.name}' exists in '{entry.resolve().parent}'",
                           hint="a name is never used twice: choose another")
    entry.unlink(missing_ok=True)
    entry.symlink_to(folder.path)


def _write_table(path: Path, table: pa.Table) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def read_inputs(folder: ProjectFolder) -> Inputs:
    """The inputs of a stored project."""
    import pyarrow as pa

    from b2grid.catalogue import Inputs

    def read(path: Path) -> pa.Table:
        with pa.memory_map(str(path)) as source:
            return pa.ipc.open_file(source).read_all()

    return Inputs(read(folder.inputs), read(folder.left_out))
