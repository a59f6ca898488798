"""Paths of the file catalogue: files, datasets and collections, in parts.

The forms are those of the collaboration's public documentation: the online book, the manual of gbasf2, and the
rules by which the distributed data management tells areas apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

from b2grid.errors import InvalidName
from b2grid.names.parts import MAX_COMPONENT, path_problem, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["COLLECTION_PREFIX", "LFN", "CollectionPath", "DatasetPath", "split_lfn"]

COLLECTION_PREFIX = "/belle/collection/"

_DATABLOCK = re.compile(r"sub\d{2,}")


class LFN(str):
    """A logical file name: ``/belle/…``, safe as an argument and as a path.

    >>> LFN("/belle/user/ana/B2EtapKs/sub00/ntuple_job1.root").name
    'ntuple_job1.root'
    """

    __slots__ = ()

    def __new__(cls, path: str) -> Self:
        """Check the path."""
        if problem := path_problem(str(path)):
            raise InvalidName(
                f"LFN '{shortened(path)}' {problem}",
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
        if found is None or path_problem(path):
            raise InvalidName(
                f"'{shortened(path)}' is not the path of a collection",
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
        ``Data``, ``MC``, ``BG`` (background to overlay), ``Raw``, ``hRaw``, ``user`` or ``group``.
    area : str or None
        What stands between the type and the rest: ``proc`` of older data, the initial of a user, ``physics`` or
        ``performance`` of a group.
    campaign : str or None
        ``procNN`` (official) or ``bucketNN``, ``PromptExpNN`` (prompt) of data; ``MCNNri_x`` (run independent)
        or ``MCNNrd_x`` (run dependent) of simulation; of skims also one of their own, such as ``SkimP11x1``.
    experiment, run : int or None
        Numbers; the path has them with four and five digits.
    beam_energy : str or None
        ``4S``, ``4S_offres``, ``4S_scan``, …, or an energy in MeV.
    event_type : str or None
        What was generated; of simulation only.
    general_skim : str or None
        Such as ``hadron``; of data only.
    skim_code : str or None
        Eight digits.
    project : str or None
        Of users and groups: what follows, without the datablock; it can have folders.
    """

    data_type: str = ""
    area: str | None = None
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
    group: str | None = None
    project: str | None = None
    datablock: str | None = None
    opaque: str | None = None

    @classmethod
    def parse(cls, path: str) -> DatasetPath:
        """The parts of a path; a form that is not known is kept as an opaque path.

        Raises
        ------
        InvalidName
            If the path is not one that the file catalogue takes.
        """
        return cls(*_parts(path))

    @staticmethod
    def columns(paths: Iterable[str]) -> dict[str, list[Any]]:
        """The parts of many paths, one list per part: what `parse` says of each, without the objects.

        Raises
        ------
        InvalidName
            For the first path that is not one that the file catalogue takes.

        Examples
        --------
        >>> DatasetPath.columns(["/belle/user/ana/B2EtapKs", "/belle/else"])["project"]
        ['B2EtapKs', None]
        """
        rows = [_parts(path) for path in paths]
        columns = zip(*rows, strict=True) if rows else [()] * len(_DEFAULTS)
        return dict(zip(_DEFAULTS, map(list, columns), strict=True))

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
        parts = (
            *("/belle", self.data_type, self.area, self.release, self.global_tag_id),
            *(self.campaign, self.production, self.stream),
            None if self.experiment is None else f"e{self.experiment:04d}",
            self.beam_energy,
            None if self.run is None else f"r{self.run:05d}",
            *(self.event_type, self.general_skim, self.skim_code, self.level),
            *(self.user, self.group, self.project, self.datablock),
        )
        return "/".join(part for part in parts if part is not None)


_DEFAULTS: dict[str, Any] = {field.name: field.default for field in fields(DatasetPath)}

# Parts of a known form have these characters only, so that a match needs no further check; others are opaque.
_PART = r"[A-Za-z0-9_+][A-Za-z0-9_.+=-]*+"
_EXPERIMENT = r"e(?P<experiment>\d{4}|[1-9]\d{4,8})"
_RUN = r"r(?P<run>\d{5}|[1-9]\d{5,8})"
_LEVEL = r"raw|cdst|mdst|udst"
_KIND = rf"(?!(?:\d{{8}}|sub\d{{2,}}|{_LEVEL})(?:/|$)){_PART}"
_BLOCK = r"(?:/(?P<datablock>sub\d{2,}))?"

_PRODUCED = re.compile(
    rf"/belle/(?P<data_type>Data|MC|BG)(?:/(?P<area>{_PART}))??/(?P<release>{_PART})/(?P<global_tag_id>DB\d{{8}})"
    rf"(?:/(?P<campaign>(?!prod\d{{8}}/){_PART}))?/(?P<production>prod\d{{8}})(?:/(?P<stream>s\d{{2}}))?"
    rf"/{_EXPERIMENT}/(?P<beam_energy>{_PART})/{_RUN}"
    # simulation before MC9 has no level
    rf"(?:(?:/(?P<kind>{_KIND}))?(?:/(?P<skim_code>\d{{8}}))?/(?P<level>{_LEVEL})|/(?P<alone>{_KIND})){_BLOCK}",
    re.ASCII,
)
_RAW = re.compile(
    rf"/belle/(?P<data_type>Raw|hRaw)/{_EXPERIMENT}(?:/(?P<beam_energy>(?!r\d{{5}}/?){_PART}))?/{_RUN}"
    rf"(?:(?:/(?P<general_skim>{_KIND}))?/(?P<level>raw))?{_BLOCK}",
    re.ASCII,
)
_USER = re.compile(
    # the initial stands before the name where there are many users
    rf"/belle/(?P<data_type>user)(?:/(?P<area>[A-Za-z])(?=/(?P=area)))?/(?P<user>{_PART})"
    rf"/(?P<project>{_PART}(?:/{_PART})*?){_BLOCK}",
    re.ASCII,
)
_GROUP = re.compile(
    rf"/belle/(?P<data_type>group)/(?P<area>{_PART})/(?P<group>{_PART})/(?P<project>{_PART}(?:/{_PART})*?){_BLOCK}",
    re.ASCII,
)
_OTHERS = (_RAW, _USER, _GROUP)


def _parts(path: str) -> tuple[Any, ...]:
    """The fields of `DatasetPath`, in their order."""
    found = _PRODUCED.fullmatch(path) or next(filter(None, (form.fullmatch(path) for form in _OTHERS)), None)
    if (found is None or len(path) > MAX_COMPONENT) and (problem := path_problem(path)):
        raise InvalidName(f"dataset path '{shortened(path)}' {problem}", hint="it is /belle/<Data|MC|user>/…")
    if found is None or found.re is not _PRODUCED:
        parts: dict[str, Any] = {"opaque": path} if found is None else found.groupdict()
        numbers = {name: int(parts[name]) for name in ("experiment", "run") if name in parts}
        return tuple((_DEFAULTS | parts | numbers).values())
    *head, experiment, energy, run, kind, skim, level, alone, block = found.groups()
    kinds = (None, kind or alone) if head[0] == "Data" else (kind or alone, None)
    return (*head, int(experiment), energy, int(run), *kinds, skim, level, None, None, None, block, None)
