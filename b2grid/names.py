"""Names that come from outside, checked once where they enter: projects, files, datasets, collections, tags.

Each is a value: made from text, printed back as the same text. What a name may be follows gbasf2 and DIRAC.

>>> path = DatasetPath.parse(
...     "/belle/MC/release-04-00-03/DB00000757/MC13a/prod00009437/s00/e1003/4S/r00000/ccbar/mdst"
... )
>>> path.campaign, path.experiment, path.event_type, path.level
('MC13a', 1003, 'ccbar', 'mdst')
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from b2grid.errors import InvalidName, printable

__all__ = [
    "COLLECTION_PREFIX",
    "LFN",
    "MAX_PROJECT_NAME",
    "CollectionPath",
    "DatasetPath",
    "GlobalTag",
    "ProjectName",
    "is_grid_path",
    "split_lfn",
]

MAX_PROJECT_NAME = 32  # gbasf2's limit
COLLECTION_PREFIX = "/belle/collection/"
_MAX_COMPONENT = 255  # bytes; what file systems and the file catalogue take
_LEVELS = "raw|cdst|mdst|udst"

# Wildcards are in the list because basf2 expands them in `-i`: such a name would stand for other files.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff;*?\[\]{}\\]")
_PROJECT = re.compile(r"[A-Za-z0-9_-]+")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+:-]*")
_DATABLOCK = re.compile(r"sub\d{2,}")


def _shortened(text: str, length: int = 60) -> str:
    shown = printable(text)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


class ProjectName(str):
    """The name of a project: at most 32 letters, digits, underscores and hyphens.

    >>> ProjectName("B2EtapKs")
    'B2EtapKs'
    >>> ProjectName("a project")
    Traceback (most recent call last):
    b2grid.errors.InvalidName: project name 'a project' has characters that are not allowed: ' '
    - use letters, digits, '_' and '-', such as 'a_project'
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Check the name, and say all that is wrong with it."""
        _check_project_name(str(name))
        return super().__new__(cls, name)


def _check_project_name(name: str) -> None:
    if not name:
        raise InvalidName("project name is empty", hint="give it 1 to 32 letters, digits, '_' or '-'")
    wrong = sorted({character for character in name if not _PROJECT.fullmatch(character)})
    over = len(name) - MAX_PROJECT_NAME
    if over > 0:
        message = f"project name is {len(name)} characters, limit {MAX_PROJECT_NAME}: '{printable(name[:5])}…'"
        hint = f"shorten it by {over}"
        if wrong:
            message += f", and has characters that are not allowed: {_listed(wrong)}"
            hint += ", and use letters, digits, '_' and '-'"
        raise InvalidName(message, hint=hint)
    if wrong:
        better = re.sub(r"[^A-Za-z0-9_-]+", "_", name)
        raise InvalidName(
            f"project name '{printable(name)}' has characters that are not allowed: {_listed(wrong)}",
            hint=f"use letters, digits, '_' and '-', such as '{better}'",
        )


def _listed(characters: list[str]) -> str:
    return " ".join(f"'{printable(character)}'" for character in characters[:8])


def _path_problem(path: str) -> str:
    """What is wrong with a path in the file catalogue, or nothing."""
    if not is_grid_path(path):
        return "does not start with /belle"
    if found := _FORBIDDEN.search(path):
        return f"has a character that is not allowed: '{printable(found[0])}'"
    return next(filter(None, map(_component_problem, path[1:].split("/"))), "")


def _component_problem(component: str) -> str:
    size = len(component.encode(errors="replace"))
    problems = {
        "has an empty part: '//' or a '/' at the end": not component,
        f"has a part '{component}'": component in {".", ".."},
        f"has a part that starts with '-': '{_shortened(component)}'": component.startswith("-"),
        f"has a part of {size} bytes, limit {_MAX_COMPONENT}": size > _MAX_COMPONENT,
    }
    return next((problem for problem, holds in problems.items() if holds), "")


def is_grid_path(text: str) -> bool:
    """Whether a text names something in the file catalogue, rather than a file on this machine."""
    return text == "/belle" or text.startswith("/belle/")


class LFN(str):
    """A logical file name: ``/belle/…``, safe as an argument and as a path.

    >>> LFN("/belle/user/ana/B2EtapKs/sub00/ntuple_job1.root").name
    'ntuple_job1.root'
    """

    __slots__ = ()

    def __new__(cls, path: str) -> Self:
        """Check the path."""
        if problem := _path_problem(str(path)):
            raise InvalidName(
                f"LFN '{_shortened(path)}' {problem}",
                hint="an LFN is /belle/<Data|MC|user>/… without wildcards; copy it from gb2_ds_list",
            )
        return super().__new__(cls, path)

    @property
    def name(self) -> str:
        """The last part: the name of the file."""
        return self.rsplit("/", 1)[1]

    @property
    def dataset(self) -> DatasetPath:
        """The dataset, with the datablock, that the file is in."""
        return DatasetPath.parse(self.rsplit("/", 1)[0])


def split_lfn(lfn: str) -> tuple[str, str | None, str]:
    """The dataset, the datablock if there is one, and the name of a file.

    >>> split_lfn("/belle/user/ana/B2EtapKs/sub00/ntuple_job1.root")
    ('/belle/user/ana/B2EtapKs', 'sub00', 'ntuple_job1.root')
    """
    folder, _, name = lfn.rpartition("/")
    above, _, last = folder.rpartition("/")
    if _DATABLOCK.fullmatch(last):
        return above, last, name
    return folder, None, name


class GlobalTag(str):
    """The name of one global tag of the conditions database.

    >>> GlobalTag.several("main_2022-06-10,online")
    ('main_2022-06-10', 'online')
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Self:
        """Check the name."""
        if len(name) > _MAX_COMPONENT or not _TAG.fullmatch(name):
            raise InvalidName(
                f"global tag '{_shortened(name)}' is not a name of letters, digits and '_.+:-'",
                hint="several global tags are separated by commas",
            )
        return super().__new__(cls, name)

    @classmethod
    def several(cls, text: str) -> tuple[Self, ...]:
        """The tags of a comma separated set, in their order, which is their priority."""
        return tuple(cls(part.strip()) for part in text.split(",") if part.strip())


@dataclass(frozen=True, slots=True, order=True)
class CollectionPath:
    """The path of a collection: an immutable, versioned set of datasets.

    >>> CollectionPath.parse("/belle/collection/MC/MC15ri_uubar_1abinv_v1")
    CollectionPath(data_type='MC', name='MC15ri_uubar_1abinv', version=1)
    """

    data_type: str
    name: str
    version: int

    _FORM: ClassVar[re.Pattern[str]] = re.compile(
        r"/belle/collection/(?P<data_type>[A-Za-z]+)/(?P<name>[A-Za-z0-9_.+-]+)_v(?P<version>0|[1-9]\d{0,8})"
    )

    @classmethod
    def parse(cls, path: str) -> CollectionPath:
        """The parts of a path.

        Raises
        ------
        InvalidName
            If the path is not ``/belle/collection/<Data|MC>/<name>_vN``.
        """
        found = cls._FORM.fullmatch(path)
        if found is None or _path_problem(path):
            raise InvalidName(
                f"'{_shortened(path)}' is not the path of a collection",
                hint="a collection is /belle/collection/<Data|MC>/<name>_vN",
            )
        return cls(found["data_type"], found["name"], int(found["version"]))

    def __str__(self) -> str:
        return f"{COLLECTION_PREFIX}{self.data_type}/{self.name}_v{self.version}"


@dataclass(frozen=True, slots=True)
class DatasetPath:
    """The path of a dataset, or of one of its datablocks, in parts.

    A path of a form that is not known is kept as it is in `opaque`; all other parts are then empty.

    Parameters
    ----------
    data_type : str
        ``Data``, ``MC`` or ``user``.
    experiment, run : int or None
        Numbers; the path has them with four and five digits.
    event_type : str or None
        What was generated; of simulation only.
    general_skim : str or None
        Such as ``hadron``; of data only.
    """

    data_type: str = ""
    release: str | None = None
    global_tag_id: str | None = None
    campaign: str | None = None
    production: str | None = None
    stream: str | None = None
    experiment: int | None = None
    beam_energy: str | None = None
    run: int | None = None
    event_type: str | None = None
    general_skim: str | None = None
    skim_code: str | None = None
    level: str | None = None
    user: str | None = None
    project: str | None = None
    datablock: str | None = None
    opaque: str | None = None

    _FORM: ClassVar[re.Pattern[str]] = re.compile(
        r"/belle/(?P<data_type>Data|MC)/(?P<release>[^/]+)/(?P<global_tag_id>DB\d{8})/(?P<campaign>[^/]+)"
        r"/(?P<production>prod\d{8})(?:/(?P<stream>s\d{2}))?/e(?P<experiment>\d{4}|[1-9]\d{4,8})"
        r"/(?P<beam_energy>[^/]+)/r(?P<run>\d{5}|[1-9]\d{5,8})"
        rf"(?:/(?P<kind>(?!\d{{8}}/|(?:{_LEVELS})(?:/|$))[^/]+))?(?:/(?P<skim_code>\d{{8}}))?"
        rf"/(?P<level>{_LEVELS})(?:/(?P<datablock>sub\d{{2,}}))?"
    )
    _USER: ClassVar[re.Pattern[str]] = re.compile(
        r"/belle/(?P<data_type>user)/(?P<user>[^/]+)/(?P<project>[^/]+)(?:/(?P<datablock>sub\d{2,}))?"
    )

    @classmethod
    def parse(cls, path: str) -> DatasetPath:
        """The parts of a path; a form that is not known is kept as an opaque path.

        Raises
        ------
        InvalidName
            If the path is not one that the file catalogue takes.
        """
        if problem := _path_problem(path):
            raise InvalidName(f"dataset path '{_shortened(path)}' {problem}", hint="it is /belle/<Data|MC|user>/…")
        found = cls._FORM.fullmatch(path)
        if found is None:
            of_user: dict[str, Any] = m.groupdict() if (m := cls._USER.fullmatch(path)) else {"opaque": path}
            return cls(**of_user)
        parts: dict[str, Any] = found.groupdict()
        kind = parts.pop("kind")
        which = "event_type" if parts["data_type"] == "MC" else "general_skim"
        numbers = {name: int(parts.pop(name)) for name in ("experiment", "run")}
        return cls(**{**parts, **numbers, which: kind})

    @property
    def known(self) -> bool:
        """Whether the path has one of the documented forms."""
        return self.opaque is None

    @property
    def dataset(self) -> DatasetPath:
        """The same without its datablock."""
        return replace(self, datablock=None)

    def __str__(self) -> str:
        if self.opaque is not None:
            return self.opaque
        if self.data_type == "user":
            parts = [self.user, self.project, self.datablock]
        else:
            parts = [
                *(self.release, self.global_tag_id, self.campaign, self.production, self.stream),
                None if self.experiment is None else f"e{self.experiment:04d}",
                self.beam_energy,
                None if self.run is None else f"r{self.run:05d}",
                *(self.event_type, self.general_skim, self.skim_code, self.level, self.datablock),
            ]
        return "/".join(["/belle", self.data_type, *(part for part in parts if part is not None)])
