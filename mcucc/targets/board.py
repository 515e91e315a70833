"""What is known of a target: the facts of a board, read from a file.

`boards/<id>.toml` holds facts of one board and nothing else. docs/boards.md describes the file
format.
"""

import difflib
import itertools
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from mcucc.errors import BoardError, InputFileError
from mcucc.resources import BOARDS, read_plain
from mcucc.targets.board_names import unknown_board
from mcucc.targets.core import CORES, Core

STACK_RESERVE_BYTES = 2048
"""Bytes of the largest SRAM region that a network's arena may not use.

They are for the stack of the network and of the caller, and for the few static variables of the
C runtime.
"""

_NO_TARGET_KEYS = ("clock_hz", "qemu")
"""Keys that only a microcontroller's file has."""

_MOST_FILE_BYTES = 1 << 20
"""A board file has some hundred bytes."""

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_RegionName = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Address = Annotated[int, msgspec.Meta(ge=0)]


class Region(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A range of addresses `[origin, origin + size)` which is memory throughout.

    Attributes:
        name: lower-case identifier, unique on its board; linker scripts use it.
        kind: "sram" can be written by the program, "flash" holds code and constants.
        origin: first address.
        size: length in bytes, at least 1.
    """

    name: _RegionName
    kind: Literal["sram", "flash"]
    origin: _Address
    size: _Count

    @property
    def end(self) -> int:
        """First address after the region."""
        return self.origin + self.size


class Simulator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The QEMU machine that runs programs for a board.

    Attributes:
        machine: name as in `qemu-system-arm -machine help`.
        proxy: whether the machine is another board with the same or a compatible core. Its
            memory map then is not the board's, and reports must say "proxy".
    """

    machine: _Text
    proxy: bool


@dataclass(frozen=True)
class Board:
    """A microcontroller board, or the computer that mcucc runs on.

    Attributes:
        id: stem of the board file; what the user writes after `--board`.
        name: the vendor's name of the board and of the part on it.
        vendor: who makes the board.
        core: the core that runs the network.
        clock_hz: highest rated clock of that core, in hertz; None for the computer.
        regions: memory that a network may use, by rising address, without overlaps; at least
            one of either kind.
        simulator: the QEMU machine that stands for the board; None for the computer.
        source: where the memory map was taken from, in words.
    """

    id: str
    name: str
    vendor: str
    core: Core
    clock_hz: int | None
    regions: tuple[Region, ...]
    simulator: Simulator | None
    source: str

    def __repr__(self) -> str:
        return (
            f"Board('{self.id}', {self.core.name}, {self.largest_sram.size:,} bytes of SRAM, "
            f"{self.flash.size:,} bytes of flash)"
        )

    @property
    def largest_sram(self) -> Region:
        """The largest SRAM region, where the arena lies; the lower one of equals."""
        return self._largest("sram")

    @property
    def flash(self) -> Region:
        """The largest flash region, where code and weights lie; the lower one of equals."""
        return self._largest("flash")

    @property
    def boot(self) -> Region:
        """The lowest flash region, at whose start the core reads its vectors after a reset."""
        return next(r for r in self.regions if r.kind == "flash")

    @property
    def arena_budget_bytes(self) -> int:
        """Bytes which an arena may have: the largest SRAM region less the stack reserve."""
        return max(0, self.largest_sram.size - STACK_RESERVE_BYTES)

    def fits(self, arena_bytes: int, flash_bytes: int) -> bool:
        """Whether an arena, and the code and weights of `flash_bytes` together, fit the board."""
        return arena_bytes <= self.arena_budget_bytes and flash_bytes <= self.flash.size

    def require_simulator(self) -> Simulator:
        """What runs programs for the board.

        Raises:
            BoardError: the board is no microcontroller.
        """
        if self.simulator is None:
            raise BoardError(
                f"board '{self.id}' is no microcontroller: no program is built for it, and none "
                "simulated. Name a board with a Cortex-M core (`mcucc boards` lists them); "
                "`mcucc run` and `mcucc verify` without --on qemu run on this computer"
            )
        return self.simulator

    def _largest(self, kind: Literal["sram", "flash"]) -> Region:
        return max((r for r in self.regions if r.kind == kind), key=lambda r: r.size)


class _BoardFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a board file; the tables inside are read one by one to name their index."""

    name: _Text
    vendor: _Text
    core: _Text
    clock_hz: _Count | msgspec.UnsetType = msgspec.UNSET
    source: _Text
    memory: list[object]
    qemu: object = msgspec.UNSET


def list_boards() -> tuple[Board, ...]:
    """Returns the boards that come with mcucc, sorted by id.

    Raises:
        BoardError: one of their files is damaged.
    """
    return tuple(_read_board(BOARDS / f"{board_id}.toml") for board_id in _board_ids())


def load_board(board_id_or_path: str | Board) -> Board:
    """Returns the board with an id of `mcucc boards`, or the one a user's own file describes.

    Args:
        board_id_or_path: an id, or the path of a file whose name ends in `.toml`; a board, which
            is held against the same rules.

    Raises:
        BoardError: there is no such board or file, or the file breaks a rule of docs/boards.md.
    """
    if isinstance(board_id_or_path, Board):
        return _checked_board(board_id_or_path)
    if board_id_or_path.endswith(".toml"):
        return _read_board(Path(board_id_or_path))
    if board_id_or_path in _board_ids():
        return _read_board(BOARDS / f"{board_id_or_path}.toml")
    searched = {board.id: f"{board.name} {board.core.name}" for board in list_boards()}
    raise BoardError(unknown_board(board_id_or_path, searched, tuple(CORES)))


def own_board_text(board: str | Board) -> str | None:
    """The text of the file of a user's own board; None for one that comes with mcucc.

    Args:
        board: as `load_board` takes it, and has taken it.
    """
    if isinstance(board, Board):
        known = board.id in _board_ids() and load_board(board.id) == board
        return None if known else board_text(board)
    return Path(board).read_text(encoding="utf-8") if board.endswith(".toml") else None


def board_text(board: Board) -> str:
    """A board as a board file has it; reading that gives an equal board."""
    lines = [
        f"name = {_quoted(board.name)}",
        f"vendor = {_quoted(board.vendor)}",
        f"core = {_quoted(board.core.name)}",
        *([] if board.clock_hz is None else [f"clock_hz = {board.clock_hz}"]),
        f"source = {_quoted(board.source)}",
    ]
    for region in board.regions:
        lines += [
            "",
            "[[memory]]",
            f"name = {_quoted(region.name)}",
            f"kind = {_quoted(region.kind)}",
            f"origin = {region.origin:#x}",
            f"size = {region.size:#x}",
        ]
    if board.simulator is not None:
        lines += ["", "[qemu]", f"machine = {_quoted(board.simulator.machine)}"]
        lines += [f"proxy = {'true' if board.simulator.proxy else 'false'}"]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a basic string of TOML, too


def _checked_board(board: Board) -> Board:
    """A board that was made in Python, if a file could hold it."""
    path = Path(f"{board.id}.toml")
    if path.name != f"{board.id}.toml" or path.stem != board.id:
        raise BoardError(f"board id '{board.id}': it names a file: leave out slashes")
    try:
        text = board_text(board)
    except (AttributeError, TypeError, ValueError) as error:
        raise BoardError(f"board '{board.id}': a value is of another type ({error})") from error
    read = _board_of(_tables(text, path), path)
    if read != board:
        raise BoardError(
            f"board '{board.id}': a board file cannot hold it: take its core as it is from a board "
            "of `mcucc.boards()`, and regions by rising address"
        )
    return board


def _board_ids() -> list[str]:
    return sorted(path.stem for path in BOARDS.glob("*.toml"))


def _near(word: str, choices: Iterable[str]) -> str:
    matches = difflib.get_close_matches(word.lower(), list(choices), n=3, cutoff=0.5)
    return f" (did you mean {' or '.join(matches)}?)" if matches else ""


def _read_board(path: Path) -> Board:
    return _board_of(_parse(path), path)


def _board_of(tables: Mapping[str, object], path: Path) -> Board:
    file = _convert(tables, _BoardFile, path)
    if file.core not in CORES:
        raise BoardError(
            f"{path}: core: '{file.core}' is not known{_near(file.core, CORES)}; "
            f"known cores: {', '.join(CORES)}"
        )
    core = CORES[file.core]
    _check_target_keys(file, core, path)
    return Board(
        id=path.stem,
        name=file.name,
        vendor=file.vendor,
        core=core,
        clock_hz=None if file.clock_hz is msgspec.UNSET else file.clock_hz,
        regions=_read_regions(file.memory, core, path),
        simulator=_convert(file.qemu, Simulator, path, "qemu") if core.has_thumb else None,
        source=file.source,
    )


def _check_target_keys(file: _BoardFile, core: Core, path: Path) -> None:
    """A microcontroller has a clock and a simulator, the computer has neither."""
    for key in _NO_TARGET_KEYS:
        given = getattr(file, key) is not msgspec.UNSET
        if given and not core.has_thumb:
            raise BoardError(f"{path}: {key}: a board with the core '{core.name}' has no such key")
        if core.has_thumb and not given:
            keys = ", ".join(_BoardFile.__struct_fields__)
            raise BoardError(f"{path}: missing key `{key}`; the keys here are {keys}")


def _parse(path: Path) -> dict[str, object]:
    try:
        text = _read_text(path)
    except UnicodeDecodeError as error:
        raise BoardError(f"{path}: a board file is UTF-8 text, this one is not") from error
    return _tables(text, path)


def _tables(text: str, path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise BoardError(
            f"{path}: not valid TOML: arrays or tables lie too deep in each other"
        ) from error
    except ValueError as error:  # tomllib's own, and that of a number with thousands of digits
        raise BoardError(f"{path}: not valid TOML: {error}") from error


def _read_text(path: Path) -> str:
    try:
        return read_plain(path, _MOST_FILE_BYTES, "No such file or directory").decode()
    except InputFileError as error:
        raise BoardError(f"{path}: the board file cannot be read: {error.problem}") from error


def _read_regions(entries: list[object], core: Core, path: Path) -> tuple[Region, ...]:
    regions = [_convert(e, Region, path, f"memory[{i}]") for i, e in enumerate(entries)]
    regions.sort(key=lambda region: region.origin)
    _check_names(regions, path)
    _check_addresses(regions, core, path)
    for kind in ("sram", "flash"):
        if all(region.kind != kind for region in regions):
            raise BoardError(f"{path}: memory: no region is of kind '{kind}'; add one")
    return tuple(regions)


def _check_names(regions: list[Region], path: Path) -> None:
    names = [region.name for region in regions]
    for name in names:
        if names.count(name) > 1:
            raise BoardError(f"{path}: memory: two regions have the name '{name}'; rename one")


def _check_addresses(regions: list[Region], core: Core, path: Path) -> None:
    """Refuses overlaps and regions beyond all addresses; expects the regions by rising origin."""
    for region in regions:
        if region.end > 1 << core.address_bits:
            raise BoardError(
                f"{path}: memory: region '{region.name}' ends at {region.end:#x}, beyond the "
                f"{core.address_bits}-bit addresses; check its origin and size"
            )
    for low, high in itertools.pairwise(regions):
        if high.origin < low.end:
            raise BoardError(
                f"{path}: memory: region '{high.name}' starts at {high.origin:#x}, but "
                f"'{low.name}' ends at {low.end:#x}; regions must not overlap"
            )


_StructT = TypeVar("_StructT", bound=msgspec.Struct)
_VALIDATION_TEXT = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<key>.*)`)?", re.DOTALL)
_FIELD_TEXT = re.compile(
    r"Object (?:missing required|contains (?P<unknown>unknown)) field (?P<f>.*)"
)


def _convert(value: object, kind: type[_StructT], path: Path, table: str = "") -> _StructT:
    """Checks a table of a board file against its type; errors name the file and the key."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        key, problem = _explain(str(error), kind)
        where = ".".join(part for part in (table, key) if part)
        raise BoardError(f"{path}: {where}: {problem}" if where else f"{path}: {problem}") from None


def _explain(text: str, kind: type[msgspec.Struct]) -> tuple[str, str]:
    """Returns the key that msgspec complains of ("" for the table itself) and the complaint."""
    match = _VALIDATION_TEXT.fullmatch(text)
    assert match is not None, "the pattern matches every text"
    field = _FIELD_TEXT.fullmatch(match["problem"])
    if field is None:
        return match["key"] or "", match["problem"][0].lower() + match["problem"][1:]
    keys = ", ".join(kind.__struct_fields__)
    fault = "unknown" if field["unknown"] else "missing"
    return match["key"] or "", f"{fault} key {field['f']}; the keys here are {keys}"
