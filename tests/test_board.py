"""Board files: the ones that come with mcucc, and what is refused in a user's own."""

import itertools
import re
import subprocess
from pathlib import Path

import pytest

from mcucc.errors import BoardError
from mcucc.targets.board import (
    CORES,
    STACK_RESERVE_BYTES,
    Board,
    Core,
    Region,
    Simulator,
    list_boards,
    load_board,
)

PROXIES = {
    "cortex-m0": "mps2-an385",
    "cortex-m0plus": "mps2-an385",
    "cortex-m3": "mps2-an385",
    "cortex-m4": "mps2-an386",
    "cortex-m7": "mps2-an500",
    "cortex-m33": "mps2-an505",
}

KIB = 1024

# id: core, kibibytes of the largest SRAM region, of all SRAM, of the flash; from the data sheets
FACTS = {
    "arduino-due": ("cortex-m3", 64, 96, 512),
    "arduino-nano-33-ble": ("cortex-m4", 256, 256, 1024),
    "arduino-zero": ("cortex-m0plus", 32, 32, 256),
    "ek-ra4m1": ("cortex-m4", 32, 32, 256),
    "frdm-k64f": ("cortex-m4", 192, 256, 1024),
    "host": ("host", 4096 * 1024, 4096 * 1024, 4096 * 1024),
    "metro-m4": ("cortex-m4", 192, 192, 512),
    "microbit-v1": ("cortex-m0", 16, 16, 256),
    "microbit-v2": ("cortex-m4", 128, 128, 512),
    "mps2-an385": ("cortex-m3", 4096, 4096, 4096),
    "mps2-an386": ("cortex-m4", 4096, 4096, 4096),
    "mps2-an500": ("cortex-m7", 4096, 4096, 4096),
    "mps2-an505": ("cortex-m33", 4096, 4128, 4096),
    "mps3-an547": ("cortex-m55", 4096, 4608, 2048),
    "nrf52840dk": ("cortex-m4", 256, 256, 1024),
    "nrf52dk": ("cortex-m4", 64, 64, 512),
    "nrf5340dk": ("cortex-m33", 512, 512, 1024),
    "nrf9160dk": ("cortex-m33", 256, 256, 1024),
    "nucleo-f030r8": ("cortex-m0", 8, 8, 64),
    "nucleo-f072rb": ("cortex-m0", 16, 16, 128),
    "nucleo-f103rb": ("cortex-m3", 20, 20, 128),
    "nucleo-f401re": ("cortex-m4", 96, 96, 512),
    "nucleo-f411re": ("cortex-m4", 128, 128, 512),
    "nucleo-f429zi": ("cortex-m4", 192, 256, 2048),
    "nucleo-f446re": ("cortex-m4", 128, 128, 512),
    "nucleo-f767zi": ("cortex-m7", 384, 512, 2048),
    "nucleo-g071rb": ("cortex-m0plus", 36, 36, 128),
    "nucleo-g474re": ("cortex-m4", 128, 128, 512),
    "nucleo-h563zi": ("cortex-m33", 640, 640, 2048),
    "nucleo-h743zi2": ("cortex-m7", 512, 992, 2048),
    "nucleo-l053r8": ("cortex-m0plus", 8, 8, 64),
    "nucleo-l476rg": ("cortex-m4", 96, 128, 1024),
    "nucleo-l4r5zi": ("cortex-m4", 640, 640, 2048),
    "nucleo-l552ze-q": ("cortex-m33", 256, 256, 512),
    "nucleo-u575zi-q": ("cortex-m33", 768, 784, 2048),
    "rpi-pico": ("cortex-m0plus", 264, 264, 2048),
    "rpi-pico2": ("cortex-m33", 520, 520, 4096),
    "stm32f4-discovery": ("cortex-m4", 128, 192, 1024),
    "stm32f746g-disco": ("cortex-m7", 256, 320, 1024),
    "xg24-dk2601b": ("cortex-m33", 256, 256, 1536),
}

GOOD = """\
name = "My board"
vendor = "Me"
core = "cortex-m4"
clock_hz = 48_000_000
source = "the data sheet"

[[memory]]
name = "ram"
kind = "sram"
origin = 0x2000_0000
size = 0x8000

[[memory]]
name = "rom"
kind = "flash"
origin = 0
size = 0x1_0000

[qemu]
machine = "mps2-an386"
proxy = true
"""


def write_board(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_boards_are_listed_by_id() -> None:
    assert [board.id for board in list_boards()] == sorted(FACTS)


@pytest.mark.parametrize("board_id", sorted(FACTS))
def test_sizes_are_those_of_the_data_sheet(board_id: str) -> None:
    core, largest, sram, flash = FACTS[board_id]
    board = load_board(board_id)
    total = sum(region.size for region in board.regions if region.kind == "sram")
    assert board.core.name == core
    assert (board.largest_sram.size, total, board.flash.size) == (
        largest * KIB,
        sram * KIB,
        flash * KIB,
    )


@pytest.mark.parametrize("board", list_boards(), ids=lambda board: board.id)
def test_facts_are_plausible(board: Board) -> None:
    if board.core.has_thumb:
        assert board.clock_hz is not None
        assert 16_000_000 <= board.clock_hz <= 1_000_000_000
        simulator = board.require_simulator()
        assert simulator.proxy == (simulator.machine != board.id)
        if simulator.proxy:
            assert simulator.machine == PROXIES[board.core.name]
    assert len(board.source) > 40, "says where the memory map comes from"
    assert all(region.origin % 32 == 0 and region.size % 32 == 0 for region in board.regions)
    assert all(low.end <= high.origin for low, high in itertools.pairwise(board.regions))


def test_names_are_unique() -> None:
    names = [board.name for board in list_boards()]
    assert len(set(names)) == len(names)


def test_a_file_of_the_users_own_is_read(tmp_path: Path) -> None:
    board = load_board(str(write_board(tmp_path, GOOD)))
    assert board == Board(
        id="mine",
        name="My board",
        vendor="Me",
        core=CORES["cortex-m4"],
        clock_hz=48_000_000,
        regions=(
            Region("rom", "flash", 0, 0x1_0000),
            Region("ram", "sram", 0x2000_0000, 0x8000),
        ),
        simulator=Simulator("mps2-an386", proxy=True),
        source="the data sheet",
    )


def test_the_example_of_the_manual_is_a_valid_board(tmp_path: Path) -> None:
    manual = Path(__file__).parents[1] / "docs" / "boards.md"
    match = re.search(r"```toml\n(.*?)```", manual.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None
    board = load_board(str(write_board(tmp_path, match[1])))
    assert board.largest_sram.size == 96 * KIB


def test_fits_keeps_the_stack_reserve(tmp_path: Path) -> None:
    board = load_board(str(write_board(tmp_path, GOOD)))
    limit = 0x8000 - STACK_RESERVE_BYTES
    assert board.arena_budget_bytes == limit
    assert board.fits(limit, 0x1_0000)
    assert not board.fits(limit + 1, 0x1_0000)
    assert not board.fits(limit, 0x1_0001)


def test_a_tiny_board_has_no_budget(tmp_path: Path) -> None:
    board = load_board(str(write_board(tmp_path, GOOD.replace("size = 0x8000", "size = 1024"))))
    assert board.arena_budget_bytes == 0


def test_the_lower_of_equal_regions_is_the_largest(tmp_path: Path) -> None:
    twin = '\n[[memory]]\nname = "low"\nkind = "sram"\norigin = 0x1000_0000\nsize = 0x8000\n'
    assert load_board(str(write_board(tmp_path, GOOD + twin))).largest_sram.name == "low"


# what is replaced in GOOD, by what, and the complaint after "<path>: "
BAD_FILES = {
    "missing key": (
        'vendor = "Me"\n',
        "",
        "missing key `vendor`; the keys here are name, vendor, core, clock_hz, ",
    ),
    "unknown key": (
        "clock_hz",
        "speed = 1\nclock_hz",
        "unknown key `speed`; the keys here are name, vendor, core, clock_hz, ",
    ),
    "wrong type": (
        "48_000_000",
        '"48 MHz"',
        "clock_hz: expected `int`, got `str`",
    ),
    "clock zero": ("48_000_000", "0", "clock_hz: expected `int` >= 1"),
    "empty text": ('"Me"', '""', "vendor: expected `str` of length >= 1"),
    "unknown core": (
        "cortex-m4",
        "cortex-m44",
        "core: 'cortex-m44' is not known (did you mean cortex-m4 or ",
    ),
    "core of another family": (
        "cortex-m4",
        "rv32imac",
        "core: 'rv32imac' is not known; known cores: cortex-m0, cortex-m0plus, cortex-m3, ",
    ),
    "missing key of a region": (
        "size = 0x8000\n",
        "",
        "memory[0]: missing key `size`; the keys here are name, kind, origin, size",
    ),
    "unknown key of a region": (
        "size = 0x1_0000",
        "size = 0x1_0000\nspeed = 2",
        "memory[1]: unknown key `speed`; the keys here are name, kind, origin, size",
    ),
    "unknown kind": ('"flash"', '"rom"', "memory[1].kind: invalid enum value 'rom'"),
    "negative origin": ("origin = 0\n", "origin = -4\n", "memory[1].origin: expected `int` >= 0"),
    "size zero": ("0x8000", "0", "memory[0].size: expected `int` >= 1"),
    "negative size": ("0x8000", "-1", "memory[0].size: expected `int` >= 1"),
    "size is a float": ("0x8000", "32e3", "memory[0].size: expected `int`, got `float`"),
    "size is a boolean": ("0x8000", "true", "memory[0].size: expected `int`, got `bool`"),
    "region name is no identifier": (
        '"ram"',
        '"RAM 1"',
        "memory[0].name: expected `str` matching regex '^[a-z][a-z0-9_]*$'",
    ),
    "same region name": (
        '"rom"',
        '"ram"',
        "memory: two regions have the name 'ram'; rename one",
    ),
    "overlap": (
        "origin = 0\nsize = 0x1_0000",
        "origin = 0x1FFF_FFFF\nsize = 2",
        (
            "memory: region 'ram' starts at 0x20000000, but 'rom' ends at 0x20000001; "
            "regions must not overlap"
        ),
    ),
    "same address": (
        "origin = 0\n",
        "origin = 0x2000_0000\n",
        (
            "memory: region 'rom' starts at 0x20000000, but 'ram' ends at 0x20008000; "
            "regions must not overlap"
        ),
    ),
    "beyond 32 bits": (
        "0x2000_0000",
        "0xFFFF_FFFF",
        (
            "memory: region 'ram' ends at 0x100007fff, beyond the 32-bit addresses; "
            "check its origin and size"
        ),
    ),
    "no sram": ('"sram"', '"flash"', "memory: no region is of kind 'sram'; add one"),
    "no flash": ('"flash"', '"sram"', "memory: no region is of kind 'flash'; add one"),
    "missing key of qemu": (
        "proxy = true\n",
        "",
        "qemu: missing key `proxy`; the keys here are machine, proxy",
    ),
    "unknown key of qemu": (
        "proxy = true",
        "proxy = true\ncpu = 1",
        "qemu: unknown key `cpu`; the keys here are machine, proxy",
    ),
    "wrong type in qemu": (
        "proxy = true",
        'proxy = "yes"',
        "qemu.proxy: expected `bool`, got `str`",
    ),
    "qemu is no table": (
        '[qemu]\nmachine = "mps2-an386"\nproxy = true\n',
        "[[qemu]]\n",
        "qemu: expected `object`, got `array`",
    ),
    "no TOML": ('name = "My board"', "name: My board", "not valid TOML: "),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_with_file_and_key(case: str, tmp_path: Path) -> None:
    old, new, complaint = BAD_FILES[case]
    assert old in GOOD
    path = write_board(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(BoardError) as refusal:
        load_board(str(path))
    assert str(refusal.value).startswith(f"{path}: {complaint}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    with pytest.raises(BoardError, match="cannot be read: No such file") as refusal:
        load_board(str(path))
    assert str(path) in str(refusal.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(b'name = "\xff"\n')
    with pytest.raises(BoardError, match=r"binary\.toml: a board file is UTF-8 text"):
        load_board(str(path))


def test_an_unknown_id_lists_near_ones() -> None:
    with pytest.raises(BoardError) as refusal:
        load_board("STM32F746-disco")
    text = str(refusal.value)
    assert text.startswith("there is no board 'STM32F746-disco' (did you mean stm32f746g-disco")
    assert "`mcucc boards`" in text


@pytest.mark.parametrize("word", ["zzzz", "", "../boards/rpi-pico"])
def test_an_id_unlike_all_others_still_points_to_the_list(word: str) -> None:
    with pytest.raises(BoardError, match="`mcucc boards` lists all of them"):
        load_board(word)


def test_a_wrong_board_is_a_usage_error() -> None:
    assert BoardError.exit_code == 2


def test_every_core_has_its_own_name_as_key() -> None:
    assert list(CORES) == [core.name for core in CORES.values()]
    assert set(CORES) == {
        *("cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4"),
        *("cortex-m7", "cortex-m33", "cortex-m55", "host"),
    }


CORTEX_M = [core for core in CORES.values() if core.has_thumb]


def gcc(core: Core, *arguments: str) -> str:
    command = ["arm-none-eabi-gcc", *core.gcc_flags, *arguments]
    done = subprocess.run(command, input="", capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.qemu
@pytest.mark.parametrize("core", CORTEX_M, ids=lambda core: core.name)
def test_gcc_agrees_with_the_table_of_cores(core: Core) -> None:
    defined = {line.split()[1] for line in gcc(core, "-dM", "-E", "-").splitlines()}
    assert core.has_dsp == ("__ARM_FEATURE_DSP" in defined)
    assert core.has_mve == ("__ARM_FEATURE_MVE" in defined)
    assert core.has_fpu == ("__ARM_FP" in defined)
    assert core.unaligned_ok == ("__ARM_FEATURE_UNALIGNED" in defined)
    same_arch = gcc(core, "-Q", "--help=target")
    assert re.search(rf"-march=\s+{re.escape(core.arch)}(\+|\s)", same_arch)


@pytest.mark.qemu
@pytest.mark.parametrize("core", CORTEX_M, ids=lambda core: core.name)
def test_the_compiler_has_libraries_for_the_core(core: Core) -> None:
    variant = gcc(core, "-print-multi-directory").strip()
    assert variant.startswith("thumb/v")
    assert variant.endswith("hard" if core.has_fpu else "nofp")
    assert Path(gcc(core, "-print-libgcc-file-name").strip()).is_file()


PROBE = Path(__file__).parent / "board_probe.c"


@pytest.mark.qemu
@pytest.mark.parametrize(
    "board", [b for b in list_boards() if b.id.startswith("mps")], ids=lambda board: board.id
)
def test_the_simulator_has_the_memory_of_the_board(board: Board, tmp_path: Path) -> None:
    sram = [region for region in board.regions if region.kind == "sram"]
    edges = ",".join(f"{address:#x}u" for r in sram for address in (r.origin, r.end - 4))
    program = tmp_path / "probe.elf"
    gcc(
        board.core,
        *("-O1", "-ffreestanding", "-nostdlib", "-Wall", "-Wextra", "-Werror"),
        *(f"-DEDGES={edges}", f"-DFLASH_LAST={board.flash.end - 4:#x}u"),
        f"-DSTACK_TOP={board.largest_sram.end - 64:#x}u",
        f"-Wl,--section-start=.vectors={board.boot.origin:#x}",
        f"-Wl,-Ttext={board.flash.origin + 256:#x},-e,probe",
        *(str(PROBE), "-o", str(program)),
    )
    machine = board.require_simulator().machine
    command = ["qemu-system-arm", "-machine", machine, "-kernel", str(program)]
    options = ["-nographic", "-monitor", "none", "-serial", "none", "-semihosting"]
    done = subprocess.run([*command, *options], timeout=60, check=False)
    assert done.returncode == 0
