"""`measured.json`: instructions that were counted of a compiled directory, bound to its report.

`mcucc bench DIR --save` writes it. A directory that was compiled anew has another report, and then
the file is as if it were not there.
"""

from pathlib import Path

import msgspec

from mcucc.compiled.output import MOST_REPORT_BYTES, write_whole
from mcucc.errors import InputFileError, UsageError
from mcucc.report.model import Report
from mcucc.resources import read_plain

MEASURED = "measured.json"
SCHEMA = 1


class CountedLayer(msgspec.Struct, frozen=True):
    """Instructions of a layer, or of those that were counted together with it.

    Attributes:
        index: of the first of them, in the report's layers.
        name: of the layer; names of several are joined.
        instructions: executed for them.
    """

    index: int
    name: str
    instructions: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What one inference executes on the board's core.

    Attributes:
        schema: version of this format.
        report_sha256: of the report that they belong to.
        board: id.
        instructions: from the entry of `run` to its return.
        modelled_cycles: of a core with ideal memory, None without a model of the core.
        layers: in order.
    """

    schema: int = SCHEMA
    report_sha256: str
    board: str
    instructions: int
    modelled_cycles: int | None
    layers: tuple[CountedLayer, ...]


def save_counts(directory: Path, counts: Counts) -> Path:
    """Write the file into a compiled directory, in place of an earlier one.

    Raises:
        UsageError: it cannot be written.
    """
    path = directory / MEASURED
    text = msgspec.json.format(msgspec.json.encode(counts), indent=2) + b"\n"
    try:
        write_whole(path, text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror or error}") from error
    return path


def load_counts(directory: Path, report: Report) -> Counts | None:
    """The counts of a report, None if there are none or they are those of another.

    Raises:
        InputFileError: the file is damaged.
    """
    path = directory / MEASURED
    if not path.exists():
        return None
    try:
        found = msgspec.json.decode(read_plain(path, MOST_REPORT_BYTES, "is missing"), type=Counts)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputFileError(
            path, f"is damaged ({error}): remove it, or write it anew by `mcucc bench DIR --save`"
        ) from error
    mine = found.schema == SCHEMA and found.report_sha256 == report.report_sha256
    within = all(0 <= layer.index < len(report.layers) for layer in found.layers)
    return found if mine and within else None
