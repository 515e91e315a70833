"""Bounds of what a case may use: processor time and memory of the process it runs in."""

import contextlib
import resource
import signal
from collections.abc import Generator
from pathlib import Path
from types import FrameType

MOST_SECONDS = 10.0
"""Processor time of mcucc itself for one case; a busy machine is no failure."""

MOST_BYTES = 1 << 30
"""Memory of mcucc itself for one case."""

_STATUS = Path("/proc/self/status")
_PEAK_RESET = Path("/proc/self/clear_refs")


class OverTime(BaseException):
    """A case has used up its time."""


def limit_address_space() -> None:
    """Let allocations fail beyond what there is now and `MOST_BYTES`."""
    limit = _field("VmSize") + MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@contextlib.contextmanager
def limited_time(seconds: float) -> Generator[None]:
    """Within, `OverTime` is raised once so much processor time is used."""
    before = signal.signal(signal.SIGPROF, _over)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _over(_number: int, _frame: FrameType | None) -> None:
    raise OverTime


def forget_peak() -> None:
    """Begin to watch the memory anew."""
    _PEAK_RESET.write_text("5")


def peak_bytes() -> int:
    """The most memory that was in use since `forget_peak`."""
    return _field("VmHWM")


def resident_bytes(pid: int) -> int:
    """What another process has in use now; 0 if there is none."""
    try:
        return _field("VmRSS", Path(f"/proc/{pid}/status"))
    except OSError:
        return 0


def _field(name: str, path: Path = _STATUS) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    return 0
