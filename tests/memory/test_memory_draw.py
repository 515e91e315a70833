import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcucc.errors import InvariantError
from mcucc.memory import Buffer, Problem, draw, glyphs, lower_bound, place

PROBLEM = Problem(
    (
        Buffer("image", 3072, 0, 1),
        Buffer("conv", 4096, 0, 3),
        Buffer("dw", 1024, 1, 2),
        Buffer("pw", 2048, 2, 4),
        Buffer("out", 10, 3, 4),
    )
)
STEPS = ["conv0 3x3", "dw1", "add", "softmax"]
GOLDEN = """\
step        0         1500      3000      4500      6000      live
0 conv0 3x3 bbbbbbbbbbbbbbbbbbbbbbbbbbbaaaaaaaaaaaaaaaaaaaaa  7168  <- peak
1 dw1       bbbbbbbbbbbbbbbbbbbbbbbbbbbcccccccc.............  5120
2 add       bbbbbbbbbbbbbbbbbbbbbbbbbbbdddddddddddddd.......  6144
3 softmax   e..........................dddddddddddddd.......  2058
"""


def test_golden() -> None:
    assert draw(PROBLEM, place(PROBLEM), STEPS, width=76) == GOLDEN.removesuffix("\n")


def test_an_empty_arena() -> None:
    empty = Problem(())
    assert draw(empty, place(empty), []) == "step   live"
    assert draw(empty, place(empty), ["nop"]).splitlines()[1].split() == ["0", "nop", "0"]


@given(
    st.lists(st.text(), min_size=12, max_size=12),
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 11)), max_size=8),
    st.integers(60, 100),
)
@settings(deadline=None)
def test_it_can_stand_in_a_comment(
    names: list[str], shapes: list[tuple[int, int]], width: int
) -> None:
    problem = Problem(tuple(Buffer(f"b{i}", size, at, 12) for i, (size, at) in enumerate(shapes)))
    text = draw(problem, place(problem), names, width=width)
    assert text.isascii()
    assert "*" not in text
    assert "\\" not in text
    lines = text.split("\n")
    assert len(lines) == 13
    assert all(len(line) <= width and line == line.rstrip() for line in lines)
    marked = [line for line in lines if line.endswith("<- peak")]
    assert len(marked) == (1 if shapes else 0)
    assert all(f" {lower_bound(problem)}  <- peak" in line for line in marked)


def test_a_small_buffer_is_seen_beside_a_large_one() -> None:
    problem = Problem((Buffer("large", 100_000, 0, 1), Buffer("small", 1, 0, 1)))
    row = draw(problem, place(problem), ["step"]).splitlines()[1]
    assert glyphs(problem)["small"] in row.split()[2]


def test_glyphs_start_again_after_62() -> None:
    problem = Problem(tuple(Buffer(f"b{i}", 1, i, i + 1) for i in range(64)))
    letters = glyphs(problem)
    assert [letters[f"b{i}"] for i in (0, 25, 26, 61, 62, 63)] == ["a", "z", "A", "9", "a", "b"]


@pytest.mark.parametrize("width", [59, 101])
def test_the_width_has_limits(width: int) -> None:
    with pytest.raises(InvariantError, match=f"not {width}"):
        draw(PROBLEM, place(PROBLEM), STEPS, width=width)


def test_every_step_needs_a_name() -> None:
    with pytest.raises(InvariantError, match="'pw' lives until step 4 of 3"):
        draw(PROBLEM, place(PROBLEM), STEPS[:3])
