"""What the triggers decided: bits of the hardware trigger by number, results of the software trigger by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from b2grid.errors import InvalidSteering
from b2grid.lite.expression import register, register_call
from b2grid.lite.variables.arguments import numbers
from b2grid.lite.variables.eventlevel import stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from b2grid.lite.expression import Function, Scope
    from b2grid.lite.reading.reader import Chunk
    from b2grid.lite.view import View

    Floats = NDArray[np.float64]
    Ids = NDArray[np.int64]

# ---- hardware

_SUMMARY = "TRGSummary"
_BITS = {"L1PSNMBit": "m_psnmBits", "L1FTDLBit": "m_ftdlBits", "L1InputBit": "m_inputBits"}
_WORD, _WORDS = 32, 10


@register("L1Trigger", of_event=True)
def _any_bit(view: View) -> Floats:
    """Whether an output bit is set after prescaling."""
    words = stored(view, _SUMMARY, "m_psnmBits")
    return words if words.ndim == 1 else (words != 0).any(axis=1).astype(np.float64)


for _name, _leaf in _BITS.items():

    @register_call(_name, arguments=(1, 1), of_event=True)
    def _bit(_scope: Scope, arguments: tuple[str, ...], name: str = _name, leaf: str = _leaf) -> Function:
        number = round(numbers(name, arguments)[0])
        if not 0 <= number < _WORD * _WORDS:
            raise InvalidSteering(f"{name}({number}): bits are 0 to {_WORD * _WORDS - 1}", hint="mend the variable")
        word, place = divmod(number, _WORD)

        def function(view: View) -> Floats:
            chunk = view.context.chunk
            if not chunk.has(_SUMMARY):
                return np.full(len(view), np.nan)
            words = chunk.single(_SUMMARY, leaf)[view.events, word].astype(np.int64)
            return np.asarray((words >> place) & 1, dtype=np.float64)

        return function


register("L1TimeType", of_event=True)(lambda view: stored(view, _SUMMARY, "m_timType"))
register("L1TimeQuality", of_event=True)(lambda view: stored(view, _SUMMARY, "m_timQuality"))
register("isPoissonTriggerInInjectionVeto", of_event=True)(
    lambda view: stored(view, _SUMMARY, "m_isPoissonInInjectionVeto")
)

# ---- software

_RESULT = "SoftwareTriggerResult"
_PREFIX = "software_trigger_cut&"
_AFTER, _BEFORE = "m_results.second.first", "m_results.second.second"


def _full_name(text: str) -> str:
    """The name of a result as it is stored; people also write it with a blank.

    >>> _full_name("skim accept_hadron")
    'software_trigger_cut&skim&accept_hadron'
    """
    name = text.replace(" ", "&")
    return name if name.startswith(_PREFIX) else _PREFIX + name


def _results(chunk: Chunk, name: str, leaf: str) -> Floats:
    """1 accepted, 0 no result, -1 rejected, per event; NaN where there is no result of this name."""

    def make() -> Floats:
        event, start, length, characters = chunk.derived("names of trigger results", lambda: _names(chunk))
        wanted = np.frombuffer(name.encode(), dtype=np.uint8)
        # names are compared letter by letter, those of the right length all at once
        alike = np.flatnonzero(length == len(wanted))
        equal = alike[(characters[start[alike][:, None] + np.arange(len(wanted))] == wanted).all(axis=1)]
        values = ak.to_numpy(ak.flatten(chunk.file.nested(_RESULT, leaf, chunk.start, chunk.stop), axis=1))
        result = np.full(chunk.size, np.nan)
        result[event[equal]] = values[equal]
        return result

    return chunk.derived(f"{leaf} {name}", make)


def _names(chunk: Chunk) -> tuple[Ids, Ids, Ids, NDArray[np.uint8]]:
    """Of every name its event, where its letters begin and how many they are; and all letters."""
    read = chunk.file.nested(_RESULT, "m_results.first", chunk.start, chunk.stop)
    event = np.repeat(np.arange(chunk.size), ak.to_numpy(ak.num(read, axis=1)))
    letters = ak.without_parameters(ak.flatten(read, axis=1))
    length = np.asarray(ak.to_numpy(ak.num(letters, axis=1)), dtype=np.int64)
    start = np.cumsum(length) - length
    return event, start, length, np.asarray(ak.to_numpy(ak.flatten(letters, axis=1)), dtype=np.uint8)


def _result(view: View, name: str, leaf: str) -> Floats:
    chunk = view.context.chunk
    if not chunk.has(_RESULT):
        return np.full(len(view), np.nan)
    return _results(chunk, name, leaf)[view.events]


for _name, _leaf in (("SoftwareTriggerResult", _AFTER), ("SoftwareTriggerResultNonPrescaled", _BEFORE)):

    @register_call(_name, arguments=(1, 1), of_event=True)
    def _by_name(_scope: Scope, arguments: tuple[str, ...], leaf: str = _leaf) -> Function:
        wanted = _full_name(arguments[0])
        return lambda view: _result(view, wanted, leaf)


register("HighLevelTrigger", "bool", of_event=True)(
    lambda view: _result(view, _full_name("filter&total_result"), _AFTER) > 0.5
)
