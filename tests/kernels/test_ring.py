"""mcucc_ring.h against a model: a ring holds the newest rows, each in the slot of its number."""

import ctypes
import itertools

import numpy as np
import pytest

from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.resources import runtime_includes

pytestmark = pytest.mark.cc

CALLS = """
#include "mcucc_ring.h"

int32_t add_row(const mcucc_ring_t *ring, mcucc_made_t *made, int8_t *arena);
const int8_t *row(const mcucc_ring_t *ring, const mcucc_made_t *made, const int8_t *arena,
                  int32_t y);
void window(const mcucc_ring_t *ring, const mcucc_made_t *made, const int8_t *arena,
            const int8_t **rows, int32_t taps, int32_t first, int32_t dilation, const int8_t *pad);

int32_t add_row(const mcucc_ring_t *ring, mcucc_made_t *made, int8_t *arena)
{
    const int32_t at = (int32_t)(mcucc_ring_next(ring, made, arena) - arena);
    mcucc_ring_advance(ring, made);
    return at;
}

const int8_t *row(const mcucc_ring_t *ring, const mcucc_made_t *made, const int8_t *arena,
                  int32_t y)
{
    return mcucc_ring_row(ring, made, arena, y);
}

void window(const mcucc_ring_t *ring, const mcucc_made_t *made, const int8_t *arena,
            const int8_t **rows, int32_t taps, int32_t first, int32_t dilation, const int8_t *pad)
{
    mcucc_ring_window(ring, made, arena, rows, taps, first, dilation, pad);
}
"""
OFFSET, ROW_BYTES = 12, 7
HIGHEST = 65535
"""Counters have 16 bits."""


class Ring(ctypes.Structure):
    _fields_ = (
        ("offset", ctypes.c_int32),
        ("row_bytes", ctypes.c_int32),
        ("rows", ctypes.c_int32),
        ("height", ctypes.c_int32),
    )


class Made(ctypes.Structure):
    _fields_ = (("made", ctypes.c_uint16), ("slot", ctypes.c_uint16))


class Model:
    """A ring in C over an arena of which only addresses matter."""

    def __init__(self, library: ctypes.CDLL, slots: int, height: int) -> None:
        self._library = library
        self._ring = Ring(OFFSET, ROW_BYTES, slots, height)
        self._made = Made(0, 0)
        self._arena = np.zeros(OFFSET + slots * ROW_BYTES, dtype=np.int8)
        self.pad = np.zeros(ROW_BYTES, dtype=np.int8)

    def add_row(self) -> int:
        """The offset at which the next row is written."""
        arena = ctypes.c_void_p(self._arena.ctypes.data)
        return self._library.add_row(ctypes.byref(self._ring), ctypes.byref(self._made), arena)

    def row(self, y: int) -> int:
        """The offset at which row y is read."""
        base = self._arena.ctypes.data
        address: int = self._library.row(
            ctypes.byref(self._ring), ctypes.byref(self._made), ctypes.c_void_p(base), y
        )
        return address - base

    def window(self, taps: int, first: int, dilation: int, *, pad: bool) -> list[int | str | None]:
        """The offsets of rows, "pad", or None for NULL."""
        rows = (ctypes.c_void_p * taps)()
        base, padding = self._arena.ctypes.data, self.pad.ctypes.data
        self._library.window(
            ctypes.byref(self._ring),
            ctypes.byref(self._made),
            ctypes.c_void_p(base),
            rows,
            taps,
            first,
            dilation,
            ctypes.c_void_p(padding if pad else None),
        )
        return [None if a is None else "pad" if a == padding else a - base for a in rows]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("ring")
    (folder / "calls.c").write_text(CALLS, encoding="utf-8")
    gcc = Compiler(find_tool(HOST_GCC), (*WARNINGS, "-fPIC", "-shared", *runtime_includes()))
    gcc.run(["-O1", "calls.c", "-o", "calls.so"], cwd=folder)
    library = ctypes.CDLL(str(folder / "calls.so"))
    library.row.restype = ctypes.c_void_p
    return library


def slot(row: int, slots: int) -> int:
    return OFFSET + (row % slots) * ROW_BYTES


@pytest.mark.parametrize(("slots", "height"), [(1, 1), (1, 5), (2, 9), (3, 3), (3, 10), (7, 20)])
def test_the_newest_rows_are_in_the_slots_of_their_numbers(
    library: ctypes.CDLL, slots: int, height: int
) -> None:
    ring = Model(library, slots, height)
    for newest in range(height):
        assert ring.add_row() == slot(newest, slots)
        for y in range(max(newest - slots + 1, 0), newest + 1):
            assert ring.row(y) == slot(y, slots)


def test_the_counters_reach_the_highest_tensor(library: ctypes.CDLL) -> None:
    ring = Model(library, 3, HIGHEST)
    for y in range(HIGHEST):
        assert ring.add_row() == slot(y, 3)
    assert ring.row(HIGHEST - 3) == slot(HIGHEST - 3, 3)


@pytest.mark.parametrize("pad", [True, False], ids=["zero points", "left out"])
def test_windows_have_padding_outside_of_the_tensor(library: ctypes.CDLL, pad: bool) -> None:
    outside = "pad" if pad else None
    height = 6
    for slots, taps, dilation in itertools.product((4, 5, 6), (1, 2, 3, 7), (1, 2, 3)):
        ring = Model(library, slots, height)
        made: list[int] = []
        for newest in range(height):
            made.append(ring.add_row())
            oldest = max(newest - slots + 1, 0)
            for first in range(-8, height + 1):
                under = [first + k * dilation for k in range(taps)]
                inside = [y for y in under if 0 <= y < height]
                if all(oldest <= y <= newest for y in inside):
                    expected = [slot(y, slots) if y in inside else outside for y in under]
                    assert ring.window(taps, first, dilation, pad=pad) == expected
        assert made == [slot(y, slots) for y in range(height)]
