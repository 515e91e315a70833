"""The board that stands for the computer, and what its core asks of a board file."""

import re
from pathlib import Path

import pytest

from mcucc.errors import BoardError
from mcucc.targets.board import STACK_RESERVE_BYTES, load_board
from tests.test_board import GOOD, write_board


def test_the_host_has_no_limits_and_no_simulator() -> None:
    host = load_board("host")
    assert not host.core.has_thumb
    assert (host.core.has_dsp, host.core.has_mve, host.core.gcc_flags) == (False, False, ())
    assert host.arena_budget_bytes == 2**32 - STACK_RESERVE_BYTES
    assert (host.clock_hz, host.simulator) == (None, None)
    with pytest.raises(BoardError, match="'host' is no microcontroller: no program is built"):
        host.require_simulator()


HOST_WITH_LIMITS = re.sub(r"\[qemu\](.|\n)*", "", GOOD).replace("cortex-m4", "host")


def test_a_file_of_the_users_own_may_limit_the_host(tmp_path: Path) -> None:
    text = HOST_WITH_LIMITS.replace("clock_hz = 48_000_000\n", "")
    assert load_board(str(write_board(tmp_path, text))).largest_sram.size == 0x8000
    beyond = text.replace("origin = 0x2000_0000", "origin = 0xFFFF_FFFF_FFFF_FFFF")
    with pytest.raises(BoardError, match="beyond the 64-bit addresses"):
        load_board(str(write_board(tmp_path, beyond)))


def test_the_host_has_neither_clock_nor_simulator(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="clock_hz: a board with the core 'host' has no such key"):
        load_board(str(write_board(tmp_path, HOST_WITH_LIMITS)))


@pytest.mark.parametrize("key", ["clock_hz", "qemu"])
def test_a_microcontroller_has_both(key: str, tmp_path: Path) -> None:
    old = "clock_hz = 48_000_000\n" if key == "clock_hz" else GOOD[GOOD.index("[qemu]") :]
    complaint = f"missing key `{key}`; the keys here are name, vendor, core, "
    with pytest.raises(BoardError, match=re.escape(complaint)):
        load_board(str(write_board(tmp_path, GOOD.replace(old, ""))))
