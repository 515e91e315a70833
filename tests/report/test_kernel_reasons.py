"""Why a layer has its kernel: every way in which a unit declines, and what the plan declines."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest

from mcucc.kernels import Unit
from mcucc.kernels.families import OPERATORS
from mcucc.kernels.speed import INSTRUCTIONS_PER_MAC
from mcucc.ops import Int8Graph
from mcucc.report.model import Reason
from mcucc.schedule import PlanOptions
from tests.graphs import GraphBuilder, every_operator_graph, quant
from tests.kernels.test_kernels_fallbacks import (
    M0,
    M4,
    M55,
    Layer,
    conv,
    depthwise,
    general,
    large_odd_sum,
    sixty_five_taps,
    sixty_four_taps,
    smallest,
    three_channels,
)
from tests.repo.checkout import CHECKOUT
from tests.report.reasoned import declined, did, int8_reasons


def grouped(b: GraphBuilder, x: str) -> str:
    return b.conv(x, 8, (3, 3), groups=4)


def multiplied(b: GraphBuilder, x: str) -> str:
    return b.depthwise(x, (3, 3), multiplier=2)


def softmax(b: GraphBuilder, x: str) -> str:
    return b.softmax(x)


def added(b: GraphBuilder, x: str) -> str:
    return b.add(x, x)


def unshifted(b: GraphBuilder, x: str) -> str:
    """The output's step is a 2^18th of the inputs', and nearly every output saturates."""
    return b.add(x, x, q=quant(0.05 * 2.0**-18))


@dataclass(frozen=True)
class Case:
    """A layer that a unit declines, the reason, and a layer that differs in the rule alone."""

    board: str
    unit: Unit
    layer: Layer
    why: str
    taken: Layer = conv


CASES = (
    Case(M0, Unit.THUMB1, grouped, "convolutions in groups have no kernel"),
    Case(M0, Unit.THUMB1, softmax, "Softmax has no kernel for it"),
    Case(M0, Unit.THUMB1, multiplied, "several outputs of one input channel have no kernel"),
    Case(M0, Unit.THUMB1, general(depthwise), "some channel's scaling is not of class fast"),
    Case(M0, Unit.THUMB1, sixty_four_taps, "64 taps are more than 50"),
    Case(M0, Unit.THUMB1, unshifted, "the scaled sum is not shifted to the right", added),
    Case(M4, Unit.DSP, grouped, "convolutions in groups have no kernel"),
    Case(M4, Unit.DSP, multiplied, "several outputs of one input channel have no kernel",
         depthwise),
    Case(M4, Unit.DSP, three_channels, "3 channels are fewer than four", depthwise),
    Case(M4, Unit.DSP, general(depthwise), "some channel's scaling is of class general",
         depthwise),
    Case(M4, Unit.DSP, general(conv), "some channel's scaling is of class general"),
    Case(M4, Unit.DSP, smallest(conv), "a weight of -128 does not fit beside another"),
    Case(M4, Unit.DSP, large_odd_sum, "the sum of an odd channel may reach {}, 2^23 and more"),
    Case(M4, Unit.DSP, unshifted, "the scaled sum is not shifted to the right", added),
    Case(M4, Unit.DSP, softmax, "Softmax has no kernel for it"),
    Case(M55, Unit.MVE, grouped, "convolutions in groups have no kernel"),
    Case(M55, Unit.MVE, multiplied, "several outputs of one input channel have no kernel",
         depthwise),
    Case(M55, Unit.MVE, sixty_five_taps, "65 taps are more than 64", sixty_four_taps),
    Case(M55, Unit.MVE, smallest(depthwise), "two products by a weight of -128 do not fit 16 bits",
         depthwise),
    Case(M55, Unit.MVE, softmax, "Softmax has no kernel for it"),
)  # fmt: skip


def network(layer: Layer) -> tuple[Int8Graph, str]:
    b = GraphBuilder("edge", seed=5)
    made = layer(b, b.input((1, 6, 5, 12), quant(0.05, -37)))
    node = b.nodes[-1].name
    return b.build(made), node


def of_unit(reasons: tuple[Reason, ...], unit: Unit, node: str) -> list[Reason]:
    return [r for r in reasons if r.stage == "kernel" and r.rule == unit and r.node == node]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.unit}-{case.why[:20]}")
def test_a_unit_says_why_it_declines_and_takes_the_layer_if_the_rule_holds(case: Case):
    graph, node = network(case.layer)
    (reason,) = of_unit(int8_reasons(graph, case.board), case.unit, node)
    assert reason.declined is not None
    assert reason.declined == case.why.format(_number(reason.declined))
    graph, node = network(case.taken)
    (reason,) = of_unit(int8_reasons(graph, case.board), case.unit, node)
    assert reason.did is not None
    assert reason.did.endswith(f"_{case.unit} runs it")


def _number(text: str) -> str:
    """The number of eight digits or so within a text."""
    return max((word.strip(",") for word in text.split()), key=lambda word: word.isdecimal())


def declines() -> Iterator[tuple[str, str]]:
    """Unit and sentence of each way to decline that the families have; values as `.*`."""
    for path in sorted((CHECKOUT / "mcucc" / "kernels" / "families").glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "Declined":
                unit, sentence = call.args
                parts = sentence.values if isinstance(sentence, ast.JoinedStr) else [sentence]
                known = [p.value if isinstance(p, ast.Constant) else None for p in parts]
                texts = [".*" if value is None else re.escape(str(value)) for value in known]
                yield ast.unparse(unit).removeprefix("Unit."), "".join(texts)


def test_every_way_to_decline_is_in_a_case():
    found = list(declines())
    assert len(found) > 5
    for unit, sentence in found:
        same = [case for case in CASES if case.unit.name == unit]
        assert any(re.fullmatch(sentence, case.why) for case in same), (unit, sentence)


def test_what_a_unit_would_save_is_what_was_measured():
    graph, node = network(sixty_five_taps)
    (reason,) = of_unit(int8_reasons(graph, M55), Unit.MVE, node)
    macs = 6 * 5 * 12 * 65
    rates = INSTRUCTIONS_PER_MAC["dw"]
    assert reason.gain is not None
    assert reason.gain.amount == round((rates[Unit.DSP] - rates[Unit.MVE]) * macs)


def test_every_operator_is_run_by_a_kernel_that_is_named():
    for board in ("host", M0, M4, M55):
        reasons = int8_reasons(every_operator_graph(), board)
        runs = [reason for reason in reasons if reason.stage == "kernel" and reason.did]
        executed = [n for n in every_operator_graph().nodes if type(n.op) in OPERATORS]
        assert sorted(reason.node for reason in runs) == sorted(node.name for node in executed)


def test_the_figures_are_those_of_the_benchmarks():
    """A sum over all layers of bench/results whose kernels have no other variant."""
    cores = {Unit.PORTABLE: "m3", Unit.THUMB1: "m0plus", Unit.DSP: "m4", Unit.MVE: "m55"}
    for unit, core in cores.items():
        totals: dict[str, list[int]] = {}
        text = (CHECKOUT / "bench" / "results" / f"cortex-{core}.json").read_bytes()
        for network in msgspec.json.decode(text).values():
            for layer in network["layers"]:
                family, _, rest = layer["kernel"].partition("_s8")
                if layer["macs"] and rest.endswith(f"_{unit}" if unit else ""):
                    total = totals.setdefault(family, [0, 0])
                    total[0] += layer["instructions"]
                    total[1] += layer["macs"]
        for family, rates in INSTRUCTIONS_PER_MAC.items():
            if unit in rates:
                instructions, macs = totals[family]
                assert rates[unit] == pytest.approx(instructions / macs, rel=0.1)


# the plan


def test_a_kernel_without_room_for_its_scratch_says_how_much_there_is():
    """With a larger step behind it the arena has room, and the kernel is taken."""
    fast = "conv_s8_k3x3s1_fast_x4_pairs_stream_dsp"
    options = PlanOptions("memory", mode="layer")
    for more in (False, True):
        b = GraphBuilder("room", seed=7)
        x = b.conv(b.input((1, 6, 6, 12)), 16)
        reasons = int8_reasons(b.build(b.conv(x, 99, (1, 1)) if more else x), M4, options)
        if more:
            assert [r.node for r in did(reasons, "dsp") if r.did == f"{fast} runs it"] == [
                "conv2d0"
            ]
            assert declined(reasons, fast) == []
        else:
            (reason,) = declined(reasons, fast)
            assert reason.declined == (
                "its scratch takes 432 bytes, and at step 0 the arena has nothing free"
            )


def test_a_mean_whose_rows_come_one_by_one_says_so():
    b = GraphBuilder("rows", seed=6)
    graph = b.build(b.mean(b.conv(b.input((1, 16, 16, 8)), 16)))
    options = PlanOptions("memory", mode="stream")
    (reason,) = declined(int8_reasons(graph, options=options), "mean_s8")
    assert reason.declined == "the rows of its input come one by one"
    assert declined(int8_reasons(graph), "mean_s8") == []
    assert [r.did for r in did(int8_reasons(graph, options=options), "portable")][-1] == (
        "meanrows_s8 runs it"
    )
