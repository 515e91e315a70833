"""What is known of a target: the facts of a board, read from a file, and of its processor core.

`boards/<id>.toml` holds facts of one board and nothing else. What a core can do, and how the
compiler is told about it, stands here in `CORES` and nowhere else: other code asks a core for
its capabilities and never compares names. docs/boards.md describes the file format.
"""

import difflib
import itertools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

import msgspec

from mcucc.errors import BoardError, InputFileError
from mcucc.resources import BOARDS, read_plain
from mcucc.targets.board_names import unknown_board

STACK_RESERVE_BYTES = 2048
"""Bytes of the largest SRAM region that a network's arena may not use.

They are for the stack of the network and of the caller, and for the few static variables of the
C runtime.
"""

_ADDRESS_SPACE_BYTES = 2**32

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
class Core:
    """Capabilities of a processor core (Arm's technical reference manual of each core).

    Attributes:
        name: Arm's name in lower case, as board files use it.
        arch: architecture as gcc spells it.
        has_thumb2: 32-bit Thumb instructions, such as MLA and SMULL, and with them every operand in
            any register. Without them there are eight registers for most operands, and products
            have 32 bits.
        has_dsp: the DSP extension: SIMD within 32-bit words, such as SMLAD and SSAT16.
        has_mve: the M-profile vector extension (Helium).
        has_fpu: floating-point registers and instructions, single precision at least.
        unaligned_ok: words and half-words may be loaded and stored at any address of normal
            memory (the reset setting of the core). Double-word and multiple accesses never.
        gcc_flags: options that make arm-none-eabi-gcc 12 compile for the core. With an FPU
            the ABI is hard float, which is what vendors' projects for such parts use, as
            objects of different float ABIs do not link. Double precision is not assumed.
    """

    name: str
    arch: str
    has_thumb2: bool
    has_dsp: bool
    has_mve: bool
    has_fpu: bool
    unaligned_ok: bool
    gcc_flags: tuple[str, ...]


def _plain_core(name: str, arch: str, *, has_thumb2: bool) -> Core:
    flags = (f"-mcpu={name}", "-mthumb", "-mfloat-abi=soft")
    return Core(
        name,
        arch,
        has_thumb2=has_thumb2,
        has_dsp=False,
        has_mve=False,
        has_fpu=False,
        unaligned_ok=has_thumb2,
        gcc_flags=flags,
    )


def _dsp_core(name: str, arch: str, fpu: str, *, has_mve: bool = False) -> Core:
    flags = (f"-mcpu={name}", "-mthumb", f"-mfpu={fpu}", "-mfloat-abi=hard")
    return Core(
        name,
        arch,
        has_thumb2=True,
        has_dsp=True,
        has_mve=has_mve,
        has_fpu=True,
        unaligned_ok=True,
        gcc_flags=flags,
    )


# DSP and FPU are options of the M33, the FPU is one of the M4, M7 and M55 and Helium one of the
# M55. Each entry is the variant which the parts on the market have. Some M7 (STM32F746) have
# single precision only, so that is what code for any M7 may use; the ABI is the same. gcc takes
# Helium and the FPU of the M55 from -mcpu.
CORES: Mapping[str, Core] = MappingProxyType(
    {
        core.name: core
        for core in (
            _plain_core("cortex-m0", "armv6s-m", has_thumb2=False),
            _plain_core("cortex-m0plus", "armv6s-m", has_thumb2=False),
            _plain_core("cortex-m3", "armv7-m", has_thumb2=True),
            _dsp_core("cortex-m4", "armv7e-m", "fpv4-sp-d16"),
            _dsp_core("cortex-m7", "armv7e-m", "fpv5-sp-d16"),
            _dsp_core("cortex-m33", "armv8-m.main", "fpv5-sp-d16"),
            _dsp_core("cortex-m55", "armv8.1-m.main", "auto", has_mve=True),
        )
    }
)
"""Every core that a board file may name, by name."""


@dataclass(frozen=True)
class Board:
    """A microcontroller board.

    Attributes:
        id: stem of the board file; what the user writes after `--board`.
        name: the vendor's name of the board and of the part on it.
        vendor: who makes the board.
        core: the core that runs the network.
        clock_hz: highest rated clock of that core, in hertz.
        regions: memory that a network may use, by rising address, without overlaps; at least
            one of either kind.
        simulator: the QEMU machine that stands for the board.
        source: where the memory map was taken from, in words.
    """

    id: str
    name: str
    vendor: str
    core: Core
    clock_hz: int
    regions: tuple[Region, ...]
    simulator: Simulator
    source: str

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

    def _largest(self, kind: Literal["sram", "flash"]) -> Region:
        return max((r for r in self.regions if r.kind == kind), key=lambda r: r.size)


class _BoardFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of a board file; the tables inside are read one by one to name their index."""

    name: _Text
    vendor: _Text
    core: _Text
    clock_hz: _Count
    source: _Text
    memory: list[object]
    qemu: object


def list_boards() -> tuple[Board, ...]:
    """Returns the boards that come with mcucc, sorted by id.

    Raises:
        BoardError: one of their files is damaged.
    """
    return tuple(_read_board(BOARDS / f"{board_id}.toml") for board_id in _board_ids())


def load_board(board_id_or_path: str) -> Board:
    """Returns the board with an id of `mcucc boards`, or the one a user's own file describes.

    Args:
        board_id_or_path: an id, or the path of a file whose name ends in `.toml`.

    Raises:
        BoardError: there is no such board or file, or the file breaks a rule of docs/boards.md.
    """
    if board_id_or_path.endswith(".toml"):
        return _read_board(Path(board_id_or_path))
    if board_id_or_path in _board_ids():
        return _read_board(BOARDS / f"{board_id_or_path}.toml")
    searched = {board.id: f"{board.name} {board.core.name}" for board in list_boards()}
    raise BoardError(unknown_board(board_id_or_path, searched, tuple(CORES)))


def _board_ids() -> list[str]:
    return sorted(path.stem for path in BOARDS.glob("*.toml"))


def _near(word: str, choices: Iterable[str]) -> str:
    matches = difflib.get_close_matches(word.lower(), list(choices), n=3, cutoff=0.5)
    return f" (did you mean {' or '.join(matches)}?)" if matches else ""


def _read_board(path: Path) -> Board:
    file = _convert(_parse(path), _BoardFile, path)
    if file.core not in CORES:
        raise BoardError(
            f"{path}: core: '{file.core}' is not known{_near(file.core, CORES)}; "
            f"known cores: {', '.join(CORES)}"
        )
    return Board(
        id=path.stem,
        name=file.name,
        vendor=file.vendor,
        core=CORES[file.core],
        clock_hz=file.clock_hz,
        regions=_read_regions(file.memory, path),
        simulator=_convert(file.qemu, Simulator, path, "qemu"),
        source=file.source,
    )


def _parse(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(_read_text(path))
    except UnicodeDecodeError as error:
        raise BoardError(f"{path}: a board file is UTF-8 text, this one is not") from error
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


def _read_regions(entries: list[object], path: Path) -> tuple[Region, ...]:
    regions = [_convert(e, Region, path, f"memory[{i}]") for i, e in enumerate(entries)]
    regions.sort(key=lambda region: region.origin)
    _check_names(regions, path)
    _check_addresses(regions, path)
    for kind in ("sram", "flash"):
        if all(region.kind != kind for region in regions):
            raise BoardError(f"{path}: memory: no region is of kind '{kind}'; add one")
    return tuple(regions)


def _check_names(regions: list[Region], path: Path) -> None:
    names = [region.name for region in regions]
    for name in names:
        if names.count(name) > 1:
            raise BoardError(f"{path}: memory: two regions have the name '{name}'; rename one")


def _check_addresses(regions: list[Region], path: Path) -> None:
    """Refuses overlaps and regions beyond 32 bits; expects the regions by rising origin."""
    for region in regions:
        if region.end > _ADDRESS_SPACE_BYTES:
            raise BoardError(
                f"{path}: memory: region '{region.name}' ends at {region.end:#x}, beyond the "
                "32-bit addresses; check its origin and size"
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
