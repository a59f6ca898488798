"""Confining this process, and all that it will start, by rules of the kernel that cannot be taken back.

Landlock keeps what is written in some folders, and signals and abstract sockets among the confined; a seccomp filter
refuses sockets. Neither needs rights. Both hold whoever makes the call: Python, a C extension, or a program.

Standard library only, and ctypes for the calls that Python does not have.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["DEVICES", "Confinement", "confine", "filter_calls", "keep_writes"]

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
"""What may be written outside the folders: nothing is kept there."""


class Confinement(NamedTuple):
    """What the kernel holds from now on; where it does not, nothing else should be started.

    Parameters
    ----------
    files : bool
        Nothing outside the folders can be made, written, moved or removed.
    network : bool
        No socket can be made, but for pairs.
    """

    files: bool
    network: bool


def confine(folders: Iterable[str | os.PathLike[str]]) -> Confinement:
    """Confine this thread and all that it starts; call it while there is no other.

    Reading and starting programs stay as they are, unless writing cannot be kept in the folders: then no program can
    be started either. Two kinds of calls are answered as if done, and do nothing: changes of modes, owners, times and
    attributes, where the kernel cannot tell the folders from the rest, and leaving the process group, so that one
    signal ends all that was started.

    Parameters
    ----------
    folders : iterable of path
        The only ones in which files can be written from now on.

    Returns
    -------
    Confinement
        What this kernel can do: Landlock came with Linux 5.13, and a container may forbid either.
    """
    files = keep_writes(folders)
    return Confinement(files, filter_calls(programs=files))


# -- Landlock: linux/landlock.h ------------------------------------------------------------------------------

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_NO_NEW_PRIVS = 38  # PR_SET_NO_NEW_PRIVS, linux/prctl.h
_WRITE_FILE, _REFER, _TRUNCATE = 1 << 1, 1 << 13, 1 << 14
_CHANGES = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))  # and removing and making whatever kind there is
_TCP = 0b11  # bind, connect
_SCOPES = 0b11  # abstract sockets, signals


def _rights(version: int) -> int:
    """The changes of files that this version of Landlock knows."""
    return _CHANGES | (_REFER if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)


def keep_writes(folders: Iterable[str | os.PathLike[str]]) -> bool:
    """Let files be changed in some folders only; whether this kernel can do that."""
    version = _call(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    rights = _rights(version)
    # a kernel takes a longer structure than it knows, as long as the rest is zero
    rules = struct.pack("QQQ", rights, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0)
    ruleset = _call(_CREATE_RULESET, rules, len(rules), 0)
    if ruleset < 0:
        return False
    for folder in folders:
        _allow(ruleset, folder, rights)
    for device in DEVICES:
        if Path(device).exists():
            _allow(ruleset, device, rights & (_WRITE_FILE | _TRUNCATE))
    held = _no_new_rights() and _call(_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    return held


def _allow(ruleset: int, place: str | os.PathLike[str], rights: int) -> None:
    handle = os.open(place, os.O_PATH | os.O_CLOEXEC)
    _call(_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, handle), 0)
    os.close(handle)


# -- seccomp: linux/seccomp.h, linux/filter.h, linux/audit.h ---------------------------------------------------

_SECCOMP, _FILTER = 22, 2  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_ALLOW, _ANSWER = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO
_X32 = 0x40000000

# by architecture: its number, and those of the system calls
_MACHINES: dict[str, tuple[int, dict[str, tuple[int, ...]]]] = {
    "x86_64": (
        0xC000003E,
        {
            "socket": (41,),
            "exec": (59, 322),
            "truncate": (76,),
            "group": (109, 112),  # setpgid, setsid
            # chmod, chown, utime, setxattr, removexattr, and their variants
            "attributes": (90, 91, 92, 93, 94, 132, 188, 189, 190, 197, 198, 199, 235, 260, 261, 268, 280, 452, 463,
                           466, 469),
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "socket": (198,),
            "exec": (221, 281),
            "truncate": (45,),
            "group": (154, 157),
            "attributes": (5, 6, 7, 14, 15, 16, 52, 53, 54, 55, 88, 452, 463, 466, 469),
        },
    ),
}  # fmt: skip
_IO_URING_SETUP = 425  # makes every call past the filter


def filter_calls(*, programs: bool) -> bool:
    """Refuse sockets; leave modes, owners, times and groups of processes as they are; whether that can be done.

    Parameters
    ----------
    programs : bool
        Whether other programs can be started from now on.
    """
    if (machine := _MACHINES.get(platform.machine())) is None or struct.calcsize("P") != 8:
        return False
    architecture, numbers = machine
    answers = dict.fromkeys(numbers["attributes"] + numbers["group"], 0)
    answers |= dict.fromkeys(numbers["socket"], errno.EACCES)
    answers[_IO_URING_SETUP] = errno.ENOSYS
    if not programs:
        answers |= dict.fromkeys(numbers["exec"], errno.EACCES)
    if _call(_CREATE_RULESET, None, 0, 1) < 3:
        answers |= dict.fromkeys(numbers["truncate"], errno.EACCES)  # Landlock does not know it yet
    code = _program(architecture, answers)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    return _no_new_rights() and _prctl(_SECCOMP, _FILTER, program) == 0


def _program(architecture: int, answers: dict[int, int]) -> bytes:
    """The filter: each of these calls gets its answer, all others pass, and other kinds of programs cannot run."""
    steps = [
        _step(_LOAD, 4),  # offsetof(struct seccomp_data, arch)
        _step(_EQUAL, architecture, skip=1),
        _step(_RETURN, _ANSWER | errno.ENOSYS),
        _step(_LOAD, 0),  # nr
        _step(_AT_LEAST, _X32, otherwise=1),
        _step(_RETURN, _ANSWER | errno.ENOSYS),
    ]
    for number, answer in answers.items():
        steps += [_step(_EQUAL, number, otherwise=1), _step(_RETURN, _ANSWER | answer)]
    return b"".join([*steps, _step(_RETURN, _ALLOW)])


def _step(code: int, value: int, *, skip: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", code, skip, otherwise, value)


# -- the C library ---------------------------------------------------------------------------------------------


def _no_new_rights() -> bool:
    """Programs with more rights than this process, such as sudo, do not get them: Linux asks for it first."""
    return _prctl(_NO_NEW_PRIVS, 1) == 0


def _call(number: int, *arguments: Any) -> int:
    return int(ctypes.CDLL(None).syscall(ctypes.c_long(number), *map(_word, arguments)))


def _prctl(option: int, *arguments: Any) -> int:
    given: Sequence[Any] = (*arguments, 0, 0, 0, 0)[:4]
    return int(ctypes.CDLL(None).prctl(ctypes.c_int(option), *map(_word, given)))


def _word(value: Any) -> Any:
    return ctypes.c_ulong(value) if isinstance(value, int) else value
