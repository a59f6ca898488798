"""Words and numbers as the gb2 tools print them: names of columns, sizes, events, luminosities, checksums."""

from __future__ import annotations

import re
from typing import Any

__all__ = [
    "COLUMNS",
    "PATH_WORDS",
    "UNKEPT",
    "column_of",
    "luminosity",
    "rest_of",
    "size_of",
    "value_of",
    "without_escapes",
]

_ESCAPE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_]")
_SIZE = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s*(?:([kKMGTP])(?:i?B|i?b)?|(B|bytes?))?", re.ASCII)
_DIGITS = 18  # of a number that is meant
_LONGEST = 1000  # characters that may stand behind a path
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4, "P": 5}
_LUMINOSITY = re.compile(
    r"(\d{1,9}(?:\.\d{1,12})?)\s*(?:(?:\+-|\+/-|\u00b1)\s*(\d{1,9}(?:\.\d{1,12})?)\s*)?(?:1?\s*/\s*([fp])b|([fp])b\s*\^?\s*-1)",
    re.ASCII,
)

#: Words for a path, in column heads and before a colon; without blanks, in lower case.
PATH_WORDS = frozenset({"lfn", "lpn", "path", "file", "filename", "logicalfilename", "dataset", "collection", "name"})

_COMMON = {
    "datalevel": "data_level",
    "campaign": "campaign",
    "generalskimname": "general_skim",
    "generalskim": "general_skim",
    "skimdecaymode": "skim_decay",
    "skimdecay": "skim_decay",
}
#: Of each table the words for its columns.
COLUMNS: dict[str, dict[str, str]] = {
    "files": {
        "size": "bytes",
        "filesize": "bytes",
        "bytes": "bytes",
        "nevents": "events",
        "events": "events",
        "numberofevents": "events",
        "checksum": "adler32",
        "adler32": "adler32",
    },
    "collections": _COMMON
    | {
        "description": "description",
        "intluminosity": "int_luminosity",
        "integratedluminosity": "int_luminosity",
        "created": "created",
        "creationdate": "created",
    },
    "datasets": _COMMON
    | {
        "status": "status",
        "nevents": "events",
        "events": "events",
        "nfiles": "files",
        "numberoffiles": "files",
        "size": "bytes",
        "totalsize": "bytes",
        "bkglevel": "bkg_level",
        "backgroundlevel": "bkg_level",
        "mceventtype": "mc_event",
        "mcevent": "mc_event",
        "beamenergy": "beam_energy",
        "release": "release",
        "globaltag": "global_tag",
    },
}
#: Words of columns and facts that are known, and that a catalogue has no place for, or knows from the path.
UNKEPT = frozenset(
    {
        "date",
        "time",
        "created",
        "modified",
        "owner",
        "group",
        "mode",
        "permissions",
        "se",
        "site",
        "status",
        "guid",
        "datatype",
        "experiment",
        "experimentlow",
        "experimenthigh",
        "run",
        "runlow",
        "runhigh",
        "expnumber",
        "runnumber",
        "user",
        "type",
        "id",
        "parent",
        "parents",
        "release",
        "globaltag",
        "project",
        "dataset",
        "datablock",
        "prodid",
        "productionid",
    }
)


def without_escapes(text: str) -> str:
    r"""Text without the sequences that colour a terminal; of a line that was written over, what stood last.

    >>> without_escapes("\x1b[32m/belle/MC\x1b[0m")
    '/belle/MC'
    """
    text = _ESCAPE.sub("", text).rstrip("\r")
    return text.rpartition("\r")[2]


def column_of(word: str) -> tuple[str, str]:
    """A head of a column as it is compared, and its unit.

    >>> column_of("Size (MB)")
    ('size', 'M')
    """
    name, _, unit = word.partition("(")
    return re.sub(r"[^a-z0-9]", "", name.lower()), unit.strip()[:1].upper() if unit.strip(" )").endswith("B") else ""


def size_of(text: str, unit: str = "") -> tuple[int, bool] | None:
    """Bytes, and whether it is all of them; 1 GB is 1024^3 bytes, as in gbasf2.

    >>> size_of("1.5 kB"), size_of("1,024"), size_of("large")
    ((1536, False), (1024, True), None)
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        return None
    power = _POWERS.get((found[2] or unit).upper(), 0)
    number = found[1].replace(",", "")
    exact = not power and number.isdigit()
    if len(number) > _DIGITS or not (power or exact):
        return None
    size = int(number) if exact else int(float(number) * 1024**power)
    return (size, exact) if size < 2**63 else None


def luminosity(text: str) -> tuple[float, float | None] | None:
    """An integrated luminosity and its uncertainty in inverse femtobarn.

    >>> luminosity("8.609 /fb"), luminosity("500 +- 3 pb^-1")
    ((8.609, None), (0.5, 0.003))
    """
    found = _LUMINOSITY.fullmatch(text.strip())
    if found is None:
        return None
    scale = 1000 if "p" in (found[3], found[4]) else 1
    return float(found[1]) / scale, float(found[2]) / scale if found[2] else None


def value_of(column: str, text: str, unit: str = "") -> dict[str, Any] | None:
    """What a text says in a column, in one or two columns of the model; `None` if it is not understood.

    >>> value_of("int_luminosity", "8.609 /fb"), value_of("events", "many")
    ({'int_luminosity': 8.609}, None)
    """
    text = text.strip()
    if text in {"", "-", "None", "N/A", "Unknown", "unknown"}:
        return {}
    if column == "bytes":
        size = size_of(text, unit)
        return None if size is None else {"bytes": size[0], "rounded": not size[1]}
    if column in {"events", "files"}:
        number = text.replace(",", "")
        return {column: int(number)} if re.fullmatch(r"[0-9]{1,18}", number) else None
    if column == "int_luminosity":
        found = luminosity(text)
        named = dict(zip(("int_luminosity", "int_luminosity_error"), found or (), strict=False))
        return {name: value for name, value in named.items() if value is not None} if found else None
    if column == "adler32":
        return {"adler32": text.lower().zfill(8)} if re.fullmatch(r"[0-9a-fA-F]{1,8}", text) else None
    return {column: text}


_LABELLED = re.compile(r"([A-Za-z][\w ]{0,30}?)\s*[:=]\s*(\d{1,3}(?:,\d{3})+\b|[^\s,;|]+(?:\s+[kKMGT]i?B\b)?)")
_COUNTED = re.compile(r"(?<![\w.])(\d[\d,]*)\s*events?\b", re.IGNORECASE)
_SIZED = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?\s*(?:[kKMGT]i?B|B|bytes?)\b")
_STORAGE = re.compile(r"\b[\w.-]+-SE\b")


def rest_of(text: str) -> tuple[dict[str, Any], str]:
    """What stands behind the path of a file, and what of it is not understood.

    >>> rest_of("1024 B  7 events  (KEK-DATA-SE)")
    ({'events': 7, 'bytes': 1024, 'rounded': False}, '')
    """
    facts: dict[str, Any] = {}
    if len(text) > _LONGEST:
        return facts, text.strip()

    def labelled(found: re.Match[str]) -> str:
        word, _ = column_of(found[1])
        column = COLUMNS["files"].get(word)
        value = value_of(column, found[2]) if column else {} if word in UNKEPT else None
        facts.update(value or {})
        return found[0] if value is None else " "

    def plain(column: str, group: int) -> Any:
        def take(found: re.Match[str]) -> str:
            facts.update(value_of(column, found[group]) or {})
            return " "

        return take

    text = _LABELLED.sub(labelled, text)
    text = _COUNTED.sub(plain("events", 1), text)
    text = _SIZED.sub(plain("bytes", 0), text)
    text = _STORAGE.sub(" ", text)
    return facts, text.strip(" \t|,;()[]{}'\":")
