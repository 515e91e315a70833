"""What runs on this computer."""

from pathlib import Path

PROCESSES = Path("/proc")


def command_of(process: int) -> str:
    """The command line of a process, empty if there is none (any more)."""
    try:
        return (PROCESSES / str(process) / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def processes_that_mention(path: Path) -> list[int]:
    """Processes whose command line has a path in it."""
    numbers = [int(entry.name) for entry in PROCESSES.iterdir() if entry.name.isdigit()]
    return [number for number in numbers if str(path) in command_of(number)]
