import pytest

from mcucc.errors import InvariantError
from mcucc.memory import Buffer, Placement, Problem, least_bytes, lower_bound, peak_step


@pytest.mark.parametrize(
    ("size", "start", "end", "alignment", "complaint"),
    [
        (0, 0, 1, 4, "size 0"),
        (-4, 0, 1, 4, "size -4"),
        (4, 2, 2, 4, r"life \[2, 2\)"),
        (4, 3, 2, 4, r"life \[3, 2\)"),
        (4, -1, 2, 4, r"life \[-1, 2\)"),
        (4, 0, 1, 0, "alignment 0"),
        (4, 0, 1, 12, "alignment 12"),
        (4, 0, 1, -4, "alignment -4"),
    ],
)
def test_a_buffer_that_makes_no_sense_is_refused(
    size: int, start: int, end: int, alignment: int, complaint: str
) -> None:
    with pytest.raises(InvariantError, match=f"'x': {complaint}"):
        Buffer("x", size, start, end, alignment)


def test_names_are_unique() -> None:
    with pytest.raises(InvariantError, match="two buffers are named 'x'"):
        Problem((Buffer("x", 4, 0, 1), Buffer("x", 8, 1, 2)))


def test_lives_are_half_open() -> None:
    early, late = Buffer("early", 4, 0, 2), Buffer("late", 4, 2, 3)
    problem = Problem((early, late))
    assert [problem.live_at(step) for step in range(4)] == [(early,), (early,), (late,), ()]
    assert lower_bound(problem) == 4


def test_a_placement_is_a_value() -> None:
    offsets = {"x": 8}
    placement = Placement(offsets, height=12, lower_bound=10, optimal=False)
    offsets["x"] = 0
    assert placement.offset("x") == 8
    assert placement.gap == 2
    assert placement == Placement({"x": 8}, height=12, lower_bound=10, optimal=False)
    with pytest.raises(InvariantError, match="no buffer 'y'"):
        placement.offset("y")


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([], 0),
        ([(5, 4)], 5),
        ([(5, 4), (5, 4)], 13),
        ([(5, 4), (7, 4)], 13),
        ([(5, 4), (5, 1)], 10),
        ([(1, 16), (1, 16), (1, 8)], 17),
    ],
)
def test_padding_counts_in_the_bound_only_where_it_is_certain(
    shapes: list[tuple[int, int]], expected: int
) -> None:
    live = [Buffer(f"b{i}", size, 0, 1, alignment) for i, (size, alignment) in enumerate(shapes)]
    assert least_bytes(live) == expected


def test_the_peak_is_the_first_step_that_sets_the_bound() -> None:
    problem = Problem(
        (Buffer("a", 8, 0, 2), Buffer("b", 8, 1, 2), Buffer("c", 16, 3, 4), Buffer("d", 4, 5, 6))
    )
    assert peak_step(problem) == 1
    assert peak_step(Problem(())) == 0
