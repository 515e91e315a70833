"""The C functions that requantization and softmax are made of, on dense grids of edge values."""

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from mcucc.build.process import run_child
from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool
from mcucc.reference.fixed_point import high_multiply, multiply, rounding_shift_right
from mcucc.reference.softmax import sum_reciprocal
from mcucc.resources import runtime_includes

pytestmark = pytest.mark.cc

Int64 = NDArray[np.int64]
SOURCE = Path(__file__).parent / "data" / "probe.c"
UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1
MANTISSAS = (0, 1 << 30, (1 << 30) + 1, 1518500250, 1717986918, INT32_MAX - 1, INT32_MAX)
ZERO_POINTS = (-128, -37, 0, 127)


@pytest.fixture(scope="module", params=["", "-DMCUCC_MULTIPLY_HALVES"], ids=["wide", "halves"])
def probe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions as they are for most cores, and with products from halves as on Armv6-M."""
    folder = tmp_path_factory.mktemp("probe")
    gcc = Compiler(find_tool(HOST_GCC), (*UNDEFINED, *WARNINGS, *runtime_includes()))
    flags = [request.param] if request.param else []
    gcc.run(["-O1", *flags, str(SOURCE), "-o", str(folder / "probe")], cwd=folder)
    return folder / "probe"


def call(probe: Path, function: str, a: Int64, m: Int64, right: Int64, zero: Int64) -> Int64:
    """The C function's results for arrays of arguments."""
    np.stack([a, m, right, zero], axis=1).astype("<i4").tofile(probe.parent / "in.bin")
    done = run_child([str(probe), function], cwd=probe.parent, timeout_s=60)
    assert done.returncode == 0, done.stderr
    return np.fromfile(probe.parent / "out.bin", dtype="<i4").astype(np.int64)


def edges(bound: int) -> list[int]:
    """Values up to +-bound: around zero, around powers of two, around the bound, random ones."""
    powers = [1 << k for k in range(bound.bit_length())]
    near = {p + d for p in powers for d in (-2, -1, 0, 1, 2, p // 2, p // 2 - 1)}
    near |= {bound, bound - 1, bound - 2}
    near |= set(np.random.default_rng(9).integers(0, bound, 60, endpoint=True).tolist())
    return sorted(v for value in near for v in (value, -value) if abs(v) <= bound)


def arguments(grid: Iterable[tuple[int, int, int, int]]) -> tuple[Int64, Int64, Int64, Int64]:
    a, m, right, zero = np.array(list(grid), dtype=np.int64).T
    return a, m, right, zero


def check_scale(probe: Path, function: str, grid: Iterable[tuple[int, int, int, int]]) -> None:
    a, m, right, zero = arguments(grid)
    expected = multiply(a, m, -right) + zero
    np.testing.assert_array_equal(call(probe, function, a, m, right, zero), expected)


def test_fast(probe: Path) -> None:
    values = edges((1 << 30) - 1)
    check_scale(probe, "fast", itertools.product(values, MANTISSAS, range(1, 23), ZERO_POINTS))


def test_wide(probe: Path) -> None:
    """Every shift to the right; every shift to the left that keeps the accumulator in bounds."""
    values = edges((1 << 30) - 1)
    down = itertools.product(values, MANTISSAS, range(32), (-128, 127))
    up = (
        (a, m, -left, 5)
        for left in range(1, 32)
        for a in edges(((1 << 30) - 1) >> left)
        for m in MANTISSAS
    )
    check_scale(probe, "wide", itertools.chain(down, up))


def test_general(probe: Path) -> None:
    """Any accumulator and any shift; shifts to the left wrap.

    Values far beyond int8 stop at +-2^30, so that adding the zero point cannot overflow.
    """
    values = [*edges(INT32_MAX), INT32_MIN]
    grid = itertools.product(values, MANTISSAS, range(-31, 32), (-128, 127))
    a, m, right, zero = arguments(grid)
    expected = np.clip(multiply(a, m, -right), -(1 << 30), 1 << 30) + zero
    np.testing.assert_array_equal(call(probe, "general", a, m, right, zero), expected)


def test_high_multiply(probe: Path) -> None:
    values = [*edges(INT32_MAX), INT32_MIN]
    factors = [*MANTISSAS, -1010580540, -1, 1, INT32_MIN + 1]
    a, m, right, zero = arguments(itertools.product(values, factors, (0,), (0,)))
    np.testing.assert_array_equal(call(probe, "high_mul", a, m, right, zero), high_multiply(a, m))


def test_rounding_shift(probe: Path) -> None:
    values = [*edges(INT32_MAX), INT32_MIN]
    a, m, right, zero = arguments(itertools.product(values, (0,), range(32), (0,)))
    got = call(probe, "rounding_shift", a, m, right, zero)
    np.testing.assert_array_equal(got, rounding_shift_right(a, right))


def test_softmax_reciprocal(probe: Path) -> None:
    """For sums in Q12.19 as softmax meets them; the fraction is what follows their first bit."""
    total = np.array([v for v in edges(INT32_MAX) if v > 0], dtype=np.int64)
    random = np.random.default_rng(10).integers(1, INT32_MAX, 20_000)
    total = np.concatenate([total, random])
    headroom = np.array([32 - int(value).bit_length() for value in total])
    fraction = (total << headroom) - (1 << 31)
    nothing = np.zeros_like(fraction)
    expected, _ = sum_reciprocal(total)
    got = call(probe, "reciprocal", fraction, nothing, nothing, nothing)
    np.testing.assert_array_equal(got, expected)


def test_leading_zeros(probe: Path) -> None:
    values = [*edges(INT32_MAX), INT32_MIN]
    a, m, right, zero = arguments((value, 0, 0, 0) for value in values)
    expected = [32 - (value & 0xFFFFFFFF).bit_length() for value in values]
    assert call(probe, "leading_zeros", a, m, right, zero).tolist() == expected
