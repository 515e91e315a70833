"""Activations that exporters spell out."""

import pytest

from mcucc.ops.unary import FloatUnary
from mcucc.passes import run_passes
from mcucc.passes.float_.recognize import Recognize
from tests.passes.float_text import MAP, declined, normal, out, parsed, run

SHAPE = "float32[1, 4, 4, 2]"
NUMBERS = """
const("three", float32[()], [3.0])
const("six", float32[1], [6.0])
const("sixth", float32[1, 1, 1, 2], [0.16666667, 0.16666667])
const("fifth", float32[()], [0.2])
const("half", float32[()], [0.5])
"""
ADD = f'node("add", FloatBinary(kind="add"), ("x", "three"), "a", {SHAPE}, origin=("Add",))\n'
CLIP = f'node("clip", FloatClip(low=0.0, high=6.0), ("a",), "c", {SHAPE}, origin=("Clip",))\n'


def node(name: str, op: str, *inputs: str) -> str:
    names = ", ".join(f'"{each}"' for each in inputs)
    return f'node("{name}", {op}, ({names}), "{name}", {SHAPE}, origin=("{name}",))\n'


def mul(name: str, *inputs: str) -> str:
    return node(name, 'FloatBinary(kind="mul")', *inputs)


def div(name: str, *inputs: str) -> str:
    return node(name, 'FloatBinary(kind="div")', *inputs)


def only_node(text: str) -> str:
    """Operator and input of the one node that is left."""
    graph, _ = run_passes(parsed(MAP + NUMBERS + text), [Recognize()], interpret=True)
    (left,) = graph.nodes
    assert left.output == "y"
    return f"{left.op} of {left.inputs[0]}"


@pytest.mark.parametrize(
    "text",
    [
        ADD + CLIP + mul("m", "x", "c") + div("y", "m", "six"),
        ADD + CLIP + mul("m", "c", "x") + mul("y", "sixth", "m"),
        ADD + CLIP + div("h", "c", "six") + mul("y", "x", "h"),
        ADD + CLIP + mul("h", "c", "sixth") + mul("y", "h", "x"),
        ADD + CLIP + mul("h", "x", "sixth") + mul("y", "h", "c"),
        node("h", f'FloatUnary(kind="hard_sigmoid", alpha={1 / 6}, beta=0.5)', "x")
        + mul("y", "x", "h"),
    ],
)
def test_hard_swish_is_found_in_every_order(text: str):
    assert only_node(text + out("y", 1, 4, 4, 2)) == (
        "FloatUnary(kind='hard_swish', alpha=0.0, beta=0.0) of x"
    )


def test_the_origin_of_all_parts_is_kept_in_graph_order():
    text = MAP + NUMBERS + ADD + CLIP + mul("m", "x", "c") + div("y", "m", "six")
    after = (
        f'{MAP}node("y", FloatUnary(kind="hard_swish"), ("x",), "y", {SHAPE}, '
        f'origin=("Add", "Clip", "m", "y"))\n'
    )
    end = out("y", 1, 4, 4, 2)
    assert run(text + end, Recognize()) == normal(after + end)


@pytest.mark.parametrize(
    ("text", "alpha"),
    [
        (ADD + CLIP + div("y", "c", "six"), 1 / 6),
        (ADD + CLIP + mul("y", "sixth", "c"), 1 / 6),
        (
            mul("m", "x", "fifth")
            + node("s", 'FloatBinary(kind="add")', "half", "m")
            + node("y", "FloatClip(low=0.0, high=1.0)", "s"),
            0.2,
        ),
    ],
)
def test_hard_sigmoid_is_found(text: str, alpha: float):
    graph, _ = run_passes(
        parsed(MAP + NUMBERS + text + out("y", 1, 4, 4, 2)), [Recognize()], interpret=True
    )
    (left,) = graph.nodes
    assert left.inputs == ("x",)
    assert isinstance(left.op, FloatUnary)
    assert (left.op.kind, left.op.beta) == ("hard_sigmoid", 0.5)
    assert left.op.alpha == pytest.approx(alpha, rel=1e-6)


@pytest.mark.parametrize("factors", [("x", "s"), ("s", "x")])
def test_silu_is_found(factors: tuple[str, str]):
    text = node("s", 'FloatUnary(kind="sigmoid")', "x") + mul("y", *factors)
    assert only_node(text + out("y", 1, 4, 4, 2)).startswith("FloatUnary(kind='silu'")


@pytest.mark.parametrize(
    "text",
    [
        ADD + CLIP + mul("y", "x", "c"),  # not divided by 6
        ADD + CLIP + mul("m", "a", "c") + div("y", "m", "six"),  # x + 3, not x, is the factor
        ADD
        + node("c", "FloatClip(low=0.0, high=1.0)", "a")
        + mul("m", "x", "c")
        + div("y", "m", "six"),
        node("s", 'FloatUnary(kind="sigmoid")', "x")
        + node("t", 'FloatUnary(kind="tanh")', "x")
        + mul("y", "s", "t"),
    ],
)
def test_what_only_looks_similar_is_no_candidate(text: str):
    assert declined(MAP + NUMBERS + text + out("y", 1, 4, 4, 2), Recognize()) == []


def test_an_activation_whose_part_is_read_elsewhere_stays():
    text = MAP + NUMBERS + ADD + CLIP + mul("m", "x", "c") + div("y", "m", "six")
    end = out("y", 1, 4, 4, 2) + out("c", 1, 4, 4, 2)
    assert declined(text + end, Recognize()) == [("y", "'c' is read elsewhere")]
