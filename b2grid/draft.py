"""What a project is made of, and where projects are: gathered from what the user gave, stored, read back."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from b2grid.errors import Finding, InvalidInput, InvalidName, SiteError
from b2grid.execution import Definition, ProjectFolder, site
from b2grid.execution.credentials import is_secret
from b2grid.home import home
from b2grid.keeping import read_inputs, write_inputs
from b2grid.names import ProjectName
from b2grid.preparation import examine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from b2grid.catalogue import Inputs
    from b2grid.steering import Sandbox, Source, Steering

__all__ = [
    "Draft",
    "folder_of",
    "free_folder",
    "gather",
    "open_folder",
    "registered",
    "store",
]

T = TypeVar("T")


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
    if isinstance(name, os.PathLike) or (isinstance(name, str) and "/" in name):
        return ProjectFolder(Path(name).expanduser().absolute())
    checked = _name(name)
    if folder is not None:
        return ProjectFolder(Path(folder).expanduser().absolute() / checked)
    return ProjectFolder((_registry() / checked).resolve())


def _name(name: object) -> ProjectName:
    """A name for a project that is to be made."""
    if isinstance(name, os.PathLike) or (isinstance(name, str) and "/" in name):
        path = Path(os.fspath(name))
        raise InvalidName(f"project name '{path}' is a path", hint=f"Project('{path.name}', …, folder='{path.parent}')")
    if not isinstance(name, str):
        raise InvalidName(f"project name is {name!r}, not a text", hint="such as Project('B2EtapKs', …)")
    return ProjectName(name)


def registered() -> list[ProjectFolder]:
    """The folders of all projects of this user, by name."""
    return [
        ProjectFolder(path.resolve()) for path in sorted(_registry().glob("[!.]*")) if (path / "project.json").is_file()
    ]


def open_folder(
    name: str | os.PathLike[str], folder: str | os.PathLike[str] | None
) -> tuple[ProjectFolder, Definition]:
    """A project that is there, by its name or by its path.

    Raises
    ------
    InvalidInput
        If there is none, or it cannot be read; the nearest names are said.
    """
    found = folder_of(name, folder)
    try:
        return found, found.read_definition()
    except OSError as error:
        raise InvalidInput(
            f"project '{found.path.name}' cannot be read in '{found.path.parent}': {error.strerror}",
            hint="check the path, B2GRID_HOME and the rights of the folder",
        ) from error


def free_folder(draft: Draft, folder: str | os.PathLike[str] | None) -> tuple[ProjectFolder, Definition | None]:
    """Where a project will be, and what is there of the same content, or as a draft to replace.

    Raises
    ------
    InvalidInput
        If the name has been used for other work.
    """
    place = folder_of(draft.definition.name, folder)
    entry = _entry(place)
    if folder is None and not entry.exists():
        place = ProjectFolder(entry)  # not where a project of this name was once, that somebody took away
    if entry.exists() and entry.resolve() != place.path.resolve():
        raise InvalidInput(
            f"project '{place.path.name}' exists in '{entry.resolve().parent}'",
            hint="a name is never used twice: choose another, or leave folder out to open that one",
        )
    known = place.read_definition() if place.exists else None
    if known is None or known.content_hash == draft.definition.content_hash or known.state == "draft":
        return place, known
    what = " and ".join(_differences(draft, place, known)) or "other content"
    raise InvalidInput(
        f"project '{known.name}' was submitted before, with {what}",
        hint=f"choose another name for new work; Project('{known.name}') alone opens what was submitted",
    )


def _differences(draft: Draft, folder: ProjectFolder, known: Definition) -> list[str]:
    """What is not the same as in a project that is there, in words."""
    new = draft.definition
    stored = read_inputs(folder)
    steering = folder.steering / known.steering
    shipped = {folder.steering / name: path for name, path in draft.sandbox.files.items()}
    return [
        words
        for words, differs in (
            ("another steering file", not steering.is_file() or steering.read_text("utf-8") != draft.source.text),
            ("other inputs", _input_hash(stored) != _input_hash(draft.inputs)),
            (
                "other files in the sandbox",
                tuple(known.sandbox) != new.sandbox
                or any(there.read_bytes() != path.read_bytes() for there, path in shipped.items()),
            ),
            (f"args {known.args}", known.args != new.args),
            (f"release {known.release}" if known.release else "b2lite instead of basf2", known.release != new.release),
            (f"runs={known.runs!r}", known.runs != new.runs),
        )
        if differs
    ]


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything that was given, checked and not stored yet."""

    definition: Definition
    source: Source
    sandbox: Sandbox
    inputs: Inputs


def gather(
    name: str | os.PathLike[str],
    steering: str | os.PathLike[str] | Steering | None,
    inputs: Any,
    *,
    args: Any,
    sandbox: Sequence[str | os.PathLike[str]],
    release: str | None,
    where: str,
    runs: Any,
) -> Draft:
    """Read and check all that was given.

    Raises
    ------
    InvalidInput
        With everything that is wrong; nothing has been stored.
    """
    from b2grid.catalogue import Catalogue, as_given, held, plain_runs, resolve
    from b2grid.steering import Source, Steering

    problems: list[InvalidInput] = []

    def attempt(step: Callable[[], T]) -> T | None:
        try:
            return step()
        except InvalidInput as error:
            problems.append(error)
            return None

    if steering is None:
        problems.append(InvalidInput("no steering file was given", hint="Project(name, steering=…, inputs=…)"))
    elif not isinstance(steering, str | os.PathLike | Steering):
        said = f"the steering is of type {type(steering).__name__}"
        problems.append(InvalidInput(said, hint="give a path, or what steering() or combine() made"))
        steering = None
    if inputs is None:
        problems.append(InvalidInput("no inputs were given", hint="inputs={'signal': '/belle/collection/…'}"))
    checked = attempt(lambda: _name(name))
    made = steering if isinstance(steering, Steering) else None
    path = None if steering is None or isinstance(steering, Steering) else Path(steering).expanduser()
    source = made.source if made is not None else attempt(lambda: Source.read(path)) if path is not None else None
    beside = path.absolute().parent if path is not None else Path.cwd()
    shipped = _listed(sandbox)
    files = attempt(lambda: _shipped(made, shipped, beside))
    inputs, runs = held(inputs), attempt(lambda: plain_runs(runs))
    found = attempt(lambda: resolve(inputs, Catalogue(), runs or "good")) if inputs is not None else None
    attempt(lambda: site(where).runner(release))
    by_sample = attempt(lambda: _by_sample(args, found.samples if found is not None else _samples(inputs)))
    if problems or source is None or found is None or files is None or by_sample is None:
        if source is not None:  # what else is wrong, while something has to be mended anyway
            problems += _errors_in(source, release, (*shipped, *(made.sandbox if made is not None else ())))
        raise _together(problems)
    definition = Definition(
        id=uuid.uuid4().hex,
        name=str(checked),
        created=time.time(),
        owner=_user(),
        content_hash=_content_hash(source, files, found, by_sample, release, runs),
        steering=f"{Path(source.filename).stem}.py",
        sandbox=tuple(files),
        args=by_sample,
        release=release,
        site=where,
        runs=[list(run) for run in runs] if isinstance(runs, list) else runs,
        inputs=as_given(inputs),
    )
    return Draft(definition, source, files, found)


def _listed(sandbox: Any) -> tuple[str, ...]:
    given = [sandbox] if isinstance(sandbox, str | os.PathLike) else sandbox
    return tuple(os.fspath(name) for name in given)


def _shipped(made: Steering | None, shipped: Sequence[str], beside: Path) -> Sandbox:
    """The files that travel: those that are named, and those of a steering that was made."""
    from b2grid.steering import Sandbox, collect

    found = collect(shipped, beside)
    own = made.sandbox.files if made is not None else {}
    for name, file in found.files.items():
        if name in own and own[name].read_bytes() != file.read_bytes():
            raise InvalidInput(f"sandbox file '{name}' is not the one that the steering has", hint="rename one of them")
    return Sandbox({**own, **found.files})


def _samples(inputs: Any) -> list[str]:
    """The samples of inputs that could not be found."""
    return sorted(map(str, inputs)) if isinstance(inputs, Mapping) else ["sample"]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return str(os.getuid())


def _errors_in(steering: Source, release: str | None, sandbox: Sequence[str]) -> list[InvalidInput]:
    from b2grid.steering.findings import SANDBOX

    try:
        report = examine(steering, release, sandbox)
    except InvalidInput:  # about the release, which has been said
        return []
    # about the sandbox, it has been said where it was collected
    said = [one for one in report.errors if one.code not in SANDBOX]
    return [InvalidInput(f"{report.where(one)}: {one.message}", hint=one.hint) for one in said]


def _together(problems: list[InvalidInput]) -> InvalidInput:
    """One error for all that is wrong; a single one stays itself."""
    findings = [
        finding
        for problem in problems
        for finding in (problem.findings or (Finding("B2S500", "error", problem.message, problem.hint),))
    ]
    if len(findings) == 1:
        return problems[0]
    return InvalidInput(
        f"{len(findings)} things are wrong",
        findings=tuple(findings),
        hint="nothing has been stored: mend them all, and try again",
    )


def _by_sample(args: Any, samples: list[str]) -> dict[str, list[str]]:
    if args is None:
        return {}
    if not isinstance(args, Mapping):
        return dict.fromkeys(samples, _words(args))
    if unknown := sorted(set(args) - set(samples)):
        raise InvalidInput(
            f"args are given for sample '{unknown[0]}', which is not among the inputs",
            hint=f"samples: {', '.join(samples)}",
        )
    return {str(sample): _words(words) for sample, words in args.items()}


def _words(args: Any) -> list[str]:
    if isinstance(args, str):
        raise InvalidInput(f"args is the text {args!r}", hint=f"give a list: {args.split()!r}")
    words = [str(word) for word in args]
    secret = [number for number, word in enumerate(words, 1) if is_secret(word, os.environ)]
    if secret:
        raise InvalidInput(
            f"argument {secret[0]} has a token, a password or a private key: arguments are stored and shown",
            hint="name its variable in environment of the site's profile, and let the steering read it from there",
        )
    return words


def _content_hash(
    source: Source, sandbox: Sandbox, inputs: Inputs, args: dict[str, list[str]], release: str | None, runs: Any
) -> str:
    content = {
        "steering": source.sha256,
        "args": args,
        "release": release,
        "runs": str(runs),
        "sandbox": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sandbox.files.items()},
        "inputs": _input_hash(inputs),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _input_hash(inputs: Inputs) -> str:
    """Of which files, of which size, in which sample, and which of their runs."""
    table = inputs.table.select(["sample", "lfn", "bytes", "runs"])
    ordered = table.sort_by([("sample", "ascending"), ("lfn", "ascending")])
    return hashlib.sha256(json.dumps(ordered.to_pydict()).encode()).hexdigest()


def store(draft: Draft, folder: ProjectFolder) -> None:
    """Write a draft, in the place of an earlier draft of its name.

    It is made aside and then renamed, so that a project is whole or not there.

    Raises
    ------
    InvalidInput
        If something that is not a draft is in its place.
    """
    aside = folder.path.with_name(f".{folder.path.name}.{draft.definition.id[:8]}")
    try:
        _register(folder)
        made = ProjectFolder(aside)
        made.steering.mkdir(parents=True)
        draft.sandbox.unpack(made.steering)
        (made.steering / draft.definition.steering).write_text(draft.source.text)
        write_inputs(made, draft.inputs)
        made.write_definition(draft.definition)
        if folder.path.exists():
            if not folder.exists or folder.read_definition().state != "draft":
                raise InvalidInput(f"'{folder.path}' exists, and is not a draft", hint="choose another name or folder")
            shutil.rmtree(folder.path)
        aside.rename(folder.path)
    except OSError as error:
        raise SiteError(
            f"project '{draft.definition.name}' cannot be stored in '{folder.path.parent}': "
            f"{error.strerror}{f' ({error.filename})' if error.filename else ''}",
            hint="give another place with folder=…, or set B2GRID_HOME",
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        _forget(folder)


def _entry(folder: ProjectFolder) -> Path:
    return _registry() / folder.path.name


def _forget(folder: ProjectFolder) -> None:
    """Take away the entry of a project that is no longer, or did not come to be."""
    entry = _entry(folder)
    if entry.is_symlink() and not entry.exists():
        entry.unlink()


def _register(folder: ProjectFolder) -> None:
    """Give a project that lives elsewhere its entry, so that its name is known and found."""
    entry = _entry(folder)
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    _registry().mkdir(parents=True, exist_ok=True)
    _forget(folder)
    if entry.resolve() == folder.path.resolve():
        return
    if entry.exists():
        raise InvalidInput(
            f"project '{folder.path.name}' exists in '{entry.resolve().parent}'",
            hint="a name is never used twice: choose another",
        )
    entry.symlink_to(folder.path)
