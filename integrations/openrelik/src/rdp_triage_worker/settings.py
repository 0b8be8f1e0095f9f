"""What the one who runs a worker decides, from the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


@dataclass(frozen=True)
class Settings:
    """Where the program is, and what it may take for one ticket."""

    #: The program: a path, or a name in PATH.
    binary: str = "rdp-triage"
    #: Seconds that reading a ticket may take; what was read until then is analysed.
    max_time: float = 120.0
    #: Seconds after which a ticket that is over its time is given up.
    grace: float = 10.0
    #: Memory for what is kept of a ticket, as ``--max-memory`` takes it.
    max_memory: str = "256MiB"
    #: Bytes of address space that the program is confined to.
    address_space: int = 4 << 30
    #: Threads for one ticket; workers run beside each other.
    jobs: int = 1
    #: Bytes of a ticket that are fetched from an object store.
    max_fetch: int = 16 << 30
    #: Folder with extra or overriding knowledge files.
    rules: str | None = None

    @classmethod
    def from_environment(cls) -> Settings:
        """Read ``RDP_TRIAGE_…``; what is not there is as usual.

        Raises ``ValueError`` with the name of a variable that makes no sense.
        """

        def read(name: str, usual: str) -> str:
            return os.environ.get(f"RDP_TRIAGE_{name}") or usual

        return cls(
            binary=read("BINARY", cls.binary),
            max_time=_positive("MAX_TIME", read("MAX_TIME", str(cls.max_time))),
            grace=_positive("GRACE", read("GRACE", str(cls.grace))),
            max_memory=read("MAX_MEMORY", cls.max_memory),
            address_space=_bytes("ADDRESS_SPACE", read("ADDRESS_SPACE", str(cls.address_space))),
            jobs=max(1, int(_positive("JOBS", read("JOBS", str(cls.jobs))))),
            max_fetch=_bytes("MAX_FETCH", read("MAX_FETCH", str(cls.max_fetch))),
            rules=os.environ.get("RDP_TRIAGE_RULES") or None,
        )


def _positive(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < 1e8:
        raise ValueError(f"RDP_TRIAGE_{name}={text}: not a number above 0")
    return number


def _bytes(name: str, text: str) -> int:
    parts = re.fullmatch(r"(\d{1,15})\s*([KMGT]?)(?:i?B)?", text.strip())
    if parts is None:
        raise ValueError(f"RDP_TRIAGE_{name}={text}: not a number of bytes, such as 4GiB")
    return int(parts[1]) << _UNITS[parts[2]]
