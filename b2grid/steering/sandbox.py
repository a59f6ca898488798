"""The files that travel with a steering file."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from b2grid.errors import Finding, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LIMIT", "Sandbox", "collect"]

LIMIT = 10 * 1024**2
_LEFT_OUT = frozenset({"__pycache__", ".git", ".ipynb_checkpoints"})


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Files by the name they have beside the steering.

    Parameters
    ----------
    files : dict
        Relative name with slashes -> where the file is.
    """

    files: dict[str, Path]

    @property
    def bytes(self) -> int:
        """The total size."""
        return sum(path.stat().st_size for path in self.files.values())

    def too_large(self, limit: int = LIMIT) -> list[Finding]:
        """What is wrong with the total size: one finding, or none."""
        if self.bytes <= limit:
            return []
        largest = max(self.files, key=lambda name: self.files[name].stat().st_size)
        said = (
            f"the sandbox has {self.bytes / 1e6:.1f} MB, limit {limit / 1e6:.1f} MB; the "
            f"largest file is {largest!r} with {self.files[largest].stat().st_size / 1e6:.1f} MB"
        )
        hint = "large files belong on CVMFS or into the conditions database"
        return [Finding("B2S502", "error", said, hint)]

    def unpack(self, folder: Path) -> None:
        """Copy the files into a folder, under their names."""
        for name, path in self.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    def __len__(self) -> int:
        return len(self.files)


def collect(sandbox: Iterable[str | os.PathLike[str]], beside: Path, *, limit: int = LIMIT) -> Sandbox:
    """Find the files of a sandbox, and check all of them at once.

    Parameters
    ----------
    sandbox : iterable of path
        Files and folders, relative to the steering file; folders are taken with all that is in them.
    beside : pathlib.Path
        The folder that the steering file is in.
    limit : int
        The largest total size, in bytes: gbasf2's 10 MB.

    Raises
    ------
    InvalidInput
        If something is missing, absolute, outside the steering's folder, or all is too large; the findings
        name each.
    """
    if isinstance(sandbox, str | os.PathLike):
        sandbox = [sandbox]
    files: dict[str, Path] = {}
    findings: list[Finding] = []
    for given in sandbox:
        try:
            files |= _found(os.fspath(given), beside)
        except InvalidInput as error:
            findings.append(Finding("B2S501", "error", error.message, error.hint))
    found = Sandbox(files)
    findings += [] if findings else found.too_large(limit)
    if findings:
        raise InvalidInput(
            "; ".join(finding.message for finding in findings), hint=findings[0].hint, findings=tuple(findings)
        )
    return found


def _found(given: str, beside: Path) -> dict[str, Path]:
    name = PurePosixPath(given)
    if name.is_absolute():
        raise InvalidInput(
            f"sandbox file {given!r} is an absolute path",
            hint="give it relative to the steering file, where the job will find it too",
        )
    if ".." in name.parts:
        raise InvalidInput(
            f"sandbox file {given!r} is outside the folder of the steering file",
            hint="copy or link it beside the steering file",
        )
    path = beside / name
    if not path.exists():
        raise InvalidInput(
            f"sandbox file {given!r} does not exist in {str(beside)!r}",
            hint="check the name, it is relative to the steering file",
        )
    if path.is_file():
        return {str(name): path}
    if not path.is_dir():
        raise InvalidInput(f"sandbox file {given!r} is neither a file nor a folder")
    return {
        inner.relative_to(beside).as_posix(): inner
        for inner in sorted(path.rglob("*"))
        if inner.is_file() and not _LEFT_OUT & set(inner.relative_to(beside).parts)
    }
