"""A steering file as text: where it is from, and what it is."""

from __future__ import annotations

import bisect
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from b2grid.errors import InvalidInput
from b2grid.steering.notebook import code_cells

if TYPE_CHECKING:
    import os

    from b2grid.errors import Finding

__all__ = ["Source"]


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a steering file.

    Parameters
    ----------
    text : str
        Python; of a notebook, its code cells one after another.
    filename : str
        What messages call it.
    path : pathlib.Path or None
        Where it is; `None` for text.
    cells : tuple of (int, int)
        Of a notebook, for every code cell its first line in the text and its number among all cells, both from 1.
    notebook : str
        Of a notebook, the lines of the text as they are written there, magics and all.
    """

    text: str
    filename: str = "<text>"
    path: Path | None = None
    cells: tuple[tuple[int, int], ...] = ()
    notebook: str = ""

    @classmethod
    def read(cls, path_or_text: str | os.PathLike[str]) -> Source:
        r"""Read a file, or take a text as it is.

        A `str` is a file name unless it has a line break, or does not end like one and names no file.

        Raises
        ------
        InvalidInput
            If there is no such file, or it cannot be read as text.

        Examples
        --------
        >>> Source.read("import basf2\n").filename
        '<text>'
        """
        if isinstance(path_or_text, str) and _is_text(path_or_text):
            return cls(path_or_text)
        path = Path(path_or_text)
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "is not a file" if path.exists() else "does not exist"
            raise InvalidInput(
                f"steering file {str(path)!r} {what}",
                hint="give the path of a Python script or notebook, relative to where you are",
            )
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInput(
                f"steering file {str(path)!r} is not UTF-8 text: byte {error.start} is "
                f"{error.object[error.start]:#04x}",
                hint="save it as UTF-8",
            ) from None
        except OSError as error:
            raise InvalidInput(f"steering file {str(path)!r} cannot be read: {error.strerror}") from None
        return _notebook(text, path) if path.suffix == ".ipynb" else cls(text, path.name, path)

    def placed(self, finding: Finding) -> Finding:
        """A finding about a line of the text, as one about a line of a cell; of a script it stays what it is."""
        if not self.cells or finding.line is None:
            return finding
        at = max(bisect.bisect_right(self.cells, (finding.line, len(self.text))) - 1, 0)
        first, number = self.cells[at]
        return replace(finding, line=finding.line - first + 1, cell=number)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the text, as hexadecimal digits."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


_PATH, _PART = 4096, 255  # bytes: Linux's limits for a path, and for a name in it


def _is_text(given: str) -> bool:
    if "\n" in given or "\0" in given or not given.strip():
        return True
    if len(given) > _PATH or any(len(part.encode(errors="replace")) > _PART for part in given.split("/")):
        return True  # no file system has such a name
    return not given.endswith((".py", ".ipynb")) and not Path(given).exists() and (" " in given or "(" in given)


def _notebook(text: str, path: Path) -> Source:
    """All code cells, one after another, with an empty line between."""
    written: list[str] = []
    python: list[str] = []
    places: list[tuple[int, int]] = []
    for number, lines, plain in code_cells(text, path):
        places.append((len(written) + 1, number))
        written += [*lines, ""]
        python += [*plain, ""]
    return Source("\n".join(python), path.name, path, tuple(places), "\n".join(written))
