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


@pytest.mark.parametrize(("count", "length"), [(1, 1), (62, 1), (63, 2), (3844, 2), (3845, 3)])
def test_no_two_buffers_have_the_same_letters(count: int, length: int) -> None:
    problem = Problem(tuple(Buffer(f"b{i}", 1, i, i + 1) for i in range(count)))
    letters = glyphs(problem)
    assert len(set(letters.values())) == count
    assert {len(each) for each in letters.values()} == {length}


def test_letters_of_few_and_of_many_buffers() -> None:
    few = glyphs(Problem(tuple(Buffer(f"b{i}", 1, i, i + 1) for i in range(62))))
    assert [few[f"b{i}"] for i in (0, 25, 26, 61)] == ["a", "z", "A", "9"]
    many = glyphs(Problem(tuple(Buffer(f"b{i}", 1, i, i + 1) for i in range(63))))
    assert [many[f"b{i}"] for i in (0, 61, 62)] == ["aa", "a9", "ba"]


def test_a_drawing_of_many_buffers_shows_all_letters_of_each() -> None:
    """A column is two characters wide then, also where two buffers share bytes or none is live."""
    buffers = tuple(Buffer(f"b{i}", 4, i // 3, i // 3 + 1) for i in range(66))
    problem = Problem((*buffers, Buffer("large", 40, 0, 1)))
    drawn = draw(problem, place(problem), [f"s{i}" for i in range(22)]).splitlines()
    letters = glyphs(problem)
    for step, line in enumerate(drawn[1:]):
        cells = line.split()[2]
        shown = {cells[i : i + 2] for i in range(0, len(cells), 2)} - {".."}
        assert shown == {letters[buffer.name] for buffer in problem.live_at(step)}


@pytest.mark.parametrize("width", [59, 101])
def test_the_width_has_limits(width: int) -> None:
    with pytest.raises(InvariantError, match=f"not {width}"):
        draw(PROBLEM, place(PROBLEM), STEPS, width=width)


def test_every_step_needs_a_name() -> None:
    with pytest.raises(InvariantError, match="'pw' lives until step 4 of 3"):
        draw(PROBLEM, place(PROBLEM), STEPS[:3])
