"""The validator on plans that were corrupted, one rule at a time."""

from dataclasses import replace

import pytest

from mcucc.memory import Buffer, Placement, Problem, Rule, validate

PROBLEM = Problem(
    (Buffer("a", 8, 0, 2), Buffer("b", 6, 1, 3, 8), Buffer("c", 8, 2, 4), Buffer("d", 4, 3, 4))
)
GOOD = Placement({"a": 0, "b": 8, "c": 0, "d": 8}, height=14, lower_bound=14, optimal=True)


def moved(**offsets: int) -> Placement:
    return replace(GOOD, offsets={**GOOD.offsets, **offsets})


def without(name: str) -> Placement:
    return replace(GOOD, offsets={n: o for n, o in GOOD.offsets.items() if n != name})


def test_a_good_plan_has_no_fault() -> None:
    assert validate(PROBLEM, GOOD) == ()


def test_an_empty_plan_has_no_fault() -> None:
    assert validate(Problem(()), Placement({}, 0, 0, optimal=True)) == ()


@pytest.mark.parametrize(
    ("placement", "rule", "buffers"),
    [
        (without("d"), Rule.COMPLETE, ("d",)),
        (moved(e=0), Rule.KNOWN, ("e",)),
        (moved(d=-4), Rule.INSIDE, ("d",)),
        (moved(d=9), Rule.ALIGNED, ("d",)),
        (moved(d=14), Rule.ALIGNED, ("d",)),
        (moved(b=12), Rule.ALIGNED, ("b",)),
        (moved(d=4), Rule.APART, ("c", "d")),
        (moved(d=0), Rule.APART, ("c", "d")),
        (moved(c=4), Rule.APART, ("b", "c")),
        (replace(GOOD, height=16), Rule.HEIGHT, ()),
        (replace(GOOD, height=13, lower_bound=13), Rule.HEIGHT, ()),
        (replace(GOOD, lower_bound=15), Rule.BOUND, ()),
        (replace(GOOD, optimal=False), Rule.BOUND, ()),
    ],
)
def test_each_corruption_is_caught(
    placement: Placement, rule: Rule, buffers: tuple[str, ...]
) -> None:
    faults = validate(PROBLEM, placement)
    assert (rule, buffers) in [(fault.rule, fault.buffers) for fault in faults]


def test_a_single_corruption_is_a_single_fault() -> None:
    (fault,) = validate(PROBLEM, moved(d=9))
    assert str(fault) == (
        "'d': offset 9, alignment 4 (every offset is a multiple of the buffer's alignment)"
    )


def test_an_overlap_is_described_in_space_and_time() -> None:
    faults = validate(PROBLEM, moved(c=4))
    assert "both hold bytes [8, 12) in steps [2, 3)" in [fault.detail for fault in faults]


def test_neighbours_in_space_and_in_time_do_not_overlap() -> None:
    problem = Problem((Buffer("a", 8, 0, 2), Buffer("b", 8, 2, 3), Buffer("c", 4, 0, 3)))
    placement = Placement({"a": 0, "b": 0, "c": 8}, height=12, lower_bound=12, optimal=True)
    assert validate(problem, placement) == ()


def test_a_fault_without_buffers_reads_well() -> None:
    (fault,) = validate(PROBLEM, replace(GOOD, height=16))
    assert str(fault).startswith("height 16, highest end 14 (")
