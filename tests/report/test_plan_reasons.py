"""Why the plan is as it is: each rule of the planner, and that what it says is true."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.kernels import select_kernels
from mcucc.memory import place
from mcucc.ops import Int8Graph
from mcucc.report.model import Gain, Reason
from mcucc.report.reasons.of_plan import plan_reasons
from mcucc.report.reasons.of_steps import step_reasons
from mcucc.report.reasons.placed import placed_layers
from mcucc.schedule import FoundPlan, PlanOptions, plan_network
from mcucc.schedule.order.memory_graph import memory_graph_of
from mcucc.schedule.order.search import best_order
from mcucc.schedule.segments.candidates import StepCandidates
from mcucc.schedule.segments.stacked import candidate_bytes
from mcucc.targets.board import load_board
from tests.cli.process import DIGITS
from tests.graphs import GraphBuilder
from tests.repo.checkout import CHECKOUT

LAYERS = PlanOptions(mode="layer")
SMALLEST = PlanOptions("memory")


def planned(graph: Int8Graph, options: PlanOptions) -> tuple[FoundPlan, tuple[Reason, ...]]:
    """A plan and the planner's reasons."""
    plan = plan_network(graph, select_kernels(graph), options)
    return plan, reasons_of(plan, options)


def reasons_of(plan: FoundPlan, options: PlanOptions) -> tuple[Reason, ...]:
    layers = tuple(placed_layers(plan))
    return (*plan_reasons(plan, options), *step_reasons(plan, layers, options))


def only(reasons: tuple[Reason, ...], rule: str, layer: int | None = None) -> Reason:
    (found,) = [r for r in reasons if r.rule == rule and r.layer == layer]
    return found


def chain(*channels: int, size: int = 16) -> Int8Graph:
    """Convolutions of 3x3, one after the other."""
    b = GraphBuilder("chain", seed=2)
    x = b.input((1, size, size, 4))
    for count in channels:
        x = b.conv(x, count)
    return b.build()


# the order


def branches(*, narrow_first: bool) -> Int8Graph:
    """Two wide maps of one image, each made narrow: at once both need to be held."""
    b = GraphBuilder("branches", seed=2)
    x = b.input((1, 8, 8, 8))
    first = b.conv(x, 64)
    if narrow_first:
        left, right = b.conv(first, 2), b.conv(b.conv(x, 64), 2)
    else:
        second = b.conv(x, 64)
        left, right = b.conv(first, 2), b.conv(second, 2)
    b.add(left, right)
    return b.build()


def test_a_chain_has_one_order():
    plan, reasons = planned(chain(8, 8), LAYERS)
    assert only(reasons, "order").did == "there is no other: each layer needs the one before it"
    assert plan.schedule.order_proven


def test_the_order_of_the_file_is_kept_where_none_is_better():
    b = GraphBuilder("skip", seed=2)
    x = b.conv(b.input((1, 8, 8, 4)), 8)
    graph = b.build(b.add(x, b.conv(b.conv(x, 8), 8)), b.conv(x, 2))
    _, reasons = planned(graph, LAYERS)
    did = only(reasons, "order").did
    assert did is not None
    (peak,) = figures(did)
    orders = range(64)
    assert min(peak_of_random_order(graph, seed) for seed in orders) == peak
    assert did.startswith("that of the file: no order has a lower peak than its")


def peak_of_random_order(graph: Int8Graph, seed: int) -> int:
    """The peak of some topological order, by the planner's own count of bytes."""
    draw, done, order = random.Random(seed), set[str](), list[int]()
    while len(order) < len(graph.nodes):
        ready = [
            i
            for i, node in enumerate(graph.nodes)
            if i not in order and all(x in done for x in node.inputs if x in graph.producers)
        ]
        order.append(draw.choice(ready))
        done.add(graph.nodes[order[-1]].output)
    turned = graph.with_nodes(tuple(graph.nodes[i] for i in order))
    return best_order(memory_graph_of(turned, {}), states=0, width=1).given_bytes


def test_a_better_order_says_by_how_much_and_what_was_looked_at():
    wide, narrow = branches(narrow_first=False), branches(narrow_first=True)
    _, reasons = planned(wide, LAYERS)
    order = only(reasons, "order")
    assert order.did is not None
    found, given = figures(order.did)
    assert order.gain == Gain(given - found, "arena bytes")
    assert found == best_order(memory_graph_of(narrow, {})).given_bytes < given
    proof = only(reasons, "proof").did
    assert proof is not None
    assert re.fullmatch(r"no order has a lower peak: \d+ sets .* of at most 20,000", proof)


def test_an_order_without_proof_names_the_budget_that_ended_it():
    graph = branches(narrow_first=False)
    plan, _ = planned(graph, LAYERS)
    order = best_order(memory_graph_of(graph, {}), states=2, width=1)
    assert not order.proven
    ended = replace(plan, search=replace(plan.search, order=order))
    proof = only(reasons_of(ended, LAYERS), "proof")
    assert proof.declined == (
        "the exact search ended at its budget of 2 sets of executed layers, and beam search went "
        f"on; no order has a peak below {order.least_bytes:,} bytes"
    )
    assert proof.gain == Gain(order.peak_bytes - order.least_bytes, "arena bytes")
    assert order.least_bytes <= plan.search.order.peak_bytes


# rows or whole tensors


def test_layers_alone_were_asked_for():
    _, reasons = planned(chain(16, 4), LAYERS)
    assert only(reasons, "row by row").declined == "--schedule layer allows whole tensors alone"
    assert only(reasons, "layer by layer").did is not None


def test_whole_tensors_that_fit_are_taken_and_rows_where_they_do_not():
    graph = chain(32, 8, 4)
    whole, reasons = planned(graph, PlanOptions(limit=100_000))
    assert (only(reasons, "row by row").declined or "").startswith("whole tensors fit what the")
    limit = whole.arena_bytes - 1
    rows, reasons = planned(graph, PlanOptions(limit=limit))
    declined = only(reasons, "layer by layer").declined or ""
    fullest, *others = figures(declined)
    assert others == [whole.arena_bytes, limit, rows.arena_bytes]
    assert f"more than the {limit:,} that the arena may take" in declined
    assert rows.arena_bytes <= limit
    saved = only(reasons, "row by row").gain
    assert saved == Gain(fullest - rows.arena_bytes, "arena bytes")
    assert "patches of the first" in (only(reasons, "patches").declined or "")


def test_what_layers_need_is_what_the_plan_of_layers_takes():
    _, reasons = planned(chain(32, 4), SMALLEST)
    needed = figures(only(reasons, "layer by layer").declined or "")[0]
    layers, _ = planned(chain(32, 4), LAYERS)
    assert needed == layers.placement.lower_bound


def test_a_network_that_patches_cannot_begin():
    b = GraphBuilder("mean", seed=1)
    b.conv(b.mean(b.conv(b.input((1, 16, 16, 4)), 16), keep_dims=True), 4, (1, 1))
    _, reasons = planned(b.build(), SMALLEST)
    assert only(reasons, "patches").declined == "no first layers can run in patches"


def test_the_smallest_arena_may_have_no_segments():
    b = GraphBuilder("soft", seed=1)
    b.conv(b.softmax(b.conv(b.input((1, 16, 16, 4)), 16)), 4, stride=(2, 2))
    _, reasons = planned(b.build(), SMALLEST)
    assert only(reasons, "row by row").declined == "no cut with segments needs less"
    placed = only(reasons, "cuts").did or ""
    assert re.match(r"\d cuts into steps were placed, in [\d,]+ to [\d,]+ bytes", placed)


def test_scratch_that_the_arena_has_no_room_for():
    b = GraphBuilder("scratch", seed=7)
    graph = b.build(b.conv(b.input((1, 12, 12, 12)), 16))
    board = "nucleo-f446re"
    kernels = select_kernels(graph, load_board(board).core)
    fast = plan_network(graph, kernels, LAYERS)
    assert all(r.rule != "scratch of the fastest kernels" for r in reasons_of(fast, LAYERS))
    options = replace(LAYERS, limit=fast.arena_bytes - 1)
    scratch_free = plan_network(graph, kernels, options)
    declined = (
        only(reasons_of(scratch_free, options), "scratch of the fastest kernels").declined or ""
    )
    assert figures(declined) == [fast.arena_bytes, fast.arena_bytes - 1]
    assert scratch_free.arena_bytes < fast.arena_bytes


# what keeps a layer out of a segment


@dataclass(frozen=True)
class Parted:
    """What stands between two convolutions: it ends a segment, or another does not."""

    why: str
    parts: Callable[[GraphBuilder, str], str]
    joins: Callable[[GraphBuilder, str], str]


PARTED = (
    Parted("it works on whole tensors",
           lambda b, x: b.transpose(x, (0, 2, 1, 3)), lambda b, x: b.tanh(x)),
    Parted("it works on whole tensors", lambda b, x: b.softmax(x), lambda b, x: b.logistic(x)),
    Parted("it makes its output with the last row of its input",
           lambda b, x: b.mean(x, keep_dims=True), lambda b, x: b.max_pool(x, (2, 2))),
)  # fmt: skip


@pytest.mark.parametrize("case", PARTED, ids=lambda case: case.why[-12:])
def test_a_layer_that_parts_a_segment_says_why(case: Parted):
    for middle, why in ((case.parts, case.why), (case.joins, None)):
        b = GraphBuilder("parted", seed=1)
        x = middle(b, b.conv(b.input((1, 16, 16, 4)), 16))
        plan, reasons = planned(b.build(b.conv(x, 4, (1, 1))), PlanOptions(mode="stream"))
        found = [r.declined for r in reasons if r.rule == "row by row" and r.layer == 1]
        if why is None:
            assert len(plan.schedule.steps) == 1
            assert found == []
        else:
            assert {text.partition(": ")[2] for text in found if text} == {why}


def test_rows_of_another_shape_part_a_segment():
    b = GraphBuilder("shape", seed=1)
    x = b.reshape(b.conv(b.input((1, 16, 16, 4)), 16), (1, 8, 32, 16))
    _, reasons = planned(b.build(b.conv(x, 4)), SMALLEST)
    texts = [r.declined or "" for r in reasons if r.rule == "row by row" and r.layer is not None]
    assert any("'conv2d2' does not read its rows as they are made" in text for text in texts)


@pytest.mark.parametrize("seed", range(12))
def test_steps_are_apart_for_what_it_would_need_or_cost(seed: int):
    """By the bytes and instructions of the segment that the two steps would be."""
    graph = drawn_chain(seed)
    plan, reasons = planned(graph, SMALLEST)
    cut = plan.search.cut
    texts = {r.node: r.declined or "" for r in reasons if r.rule == "row by row" and r.layer}
    for before, after in zip(cut.steps, cut.steps[1:], strict=False):
        node = plan.search.ordered.items[before.end - 1].node
        if node is None or node.name not in texts:
            continue
        joined = [
            StepCandidates(plan.search.ordered, after.end, panels=panels).candidate(before.begin)
            for panels in (False, True)
        ]
        sizes = [t.size for t in plan.search.ordered.lifetimes]
        needs = [candidate_bytes(plan.search.ordered, each, 1, sizes) for each in joined]
        step, first, *rest = figures(texts[node.name])
        assert cut.steps[step] is after
        if "bytes" in texts[node.name]:
            assert cut.peak == rest[0] < first
            assert cut.peak < min(needs)
        else:
            assert first in [each.cost - before.cost - after.cost for each in joined]
            assert first > 0


def drawn_chain(seed: int) -> Int8Graph:
    draw, b = random.Random(seed), GraphBuilder("chain", seed=seed)
    x = b.input((1, 24, 24, draw.choice((1, 3, 8))))
    for _ in range(5):
        kernel, stride = draw.choice(((1, 1), (3, 3), (5, 5))), draw.choice(((1, 1), (2, 2)))
        x = b.conv(x, draw.choice((2, 4, 8, 16, 32)), kernel, stride=stride)
    return b.build()


# places


def test_a_placement_says_whether_it_is_proven():
    plan, reasons = planned(chain(8, 8), LAYERS)
    did = only(reasons, "places").did or ""
    assert figures(did) == [plan.arena_bytes]
    assert plan.placement.optimal


def holes() -> Int8Graph:
    """Three dense layers that read one vector; each result is an output."""
    b = GraphBuilder("holes", seed=1)
    y = b.dense(b.input((1, 9)), 8)
    return b.build(*(b.dense(y, count) for count in (29, 25, 7)))


def test_a_placement_without_proof_says_how_far_it_is_from_the_bound():
    """Found by first fit alone, which leaves a hole here; the exact search closes it."""
    plan, reasons = planned(holes(), LAYERS)
    assert only(reasons, "places").did is not None
    loose = replace(plan, placement=place(plan.schedule.problem, budget=0))
    assert not loose.placement.optimal
    reason = only(reasons_of(loose, LAYERS), "places")
    height, bound = loose.placement.height, loose.placement.lower_bound
    assert figures(reason.declined or "") == [height, bound]
    assert reason.gain == Gain(height - bound, "arena bytes")


def in_place(*, again: bool = False, kept: bool = False) -> Reason:
    """The reason of a rescaling whose input is read again, or kept."""
    b = GraphBuilder("place", seed=1)
    x = b.conv(b.input((1, 8, 8, 4)), 64)
    y = b.conv(b.requantize(x), 64 if again else 2)
    outputs = [b.add(y, x)] if again else [y]
    outputs += [x] if kept else []
    _, reasons = planned(b.build(*outputs), LAYERS)
    return only(reasons, "in place", 1)


def test_an_operator_that_may_writes_over_its_input_unless_that_is_needed():
    assert in_place().did == "is written over 'conv2d0_out', which dies there"
    assert in_place(again=True).declined == "'conv2d0_out' is read later by 'add3'"
    assert in_place(kept=True).declined == "'conv2d0_out' must outlive the run"


def test_an_input_of_another_size_is_not_written_over():
    b = GraphBuilder("gate", seed=1)
    x = b.conv(b.input((1, 8, 8, 4)), 4)
    y = b.mul(x, b.mean(x, keep_dims=True))
    _, reasons = planned(b.build(b.add(y, x)), LAYERS)
    assert only(reasons, "in place", 2).declined == (
        "'conv2d0_out' is read later by 'add3'; 'mean1_out' has 4 bytes, the output 256"
    )


def test_an_output_may_lie_beside_an_input_that_dies():
    b = GraphBuilder("room", seed=1)
    y = b.requantize(b.conv(b.input((1, 8, 8, 4)), 4))
    _, reasons = planned(b.build(b.conv(y, 99)), LAYERS)
    room = "'conv2d0_out' dies too, but the arena has room for both"
    assert only(reasons, "in place", 1).declined == room


def test_every_rule_of_the_planner_is_asserted_here():
    """By its name, as the report has it."""
    folder = CHECKOUT / "mcucc" / "report" / "reasons"
    source = (folder / "of_plan.py").read_text() + (folder / "of_steps.py").read_text()
    named = r'\("(?:order|segment|placement)", [^"]*(?:"", )?"([a-z ]+)"'
    rules = set(re.findall(named, source))
    assert len(rules) == 9
    here = Path(__file__).read_text()
    assert {rule for rule in rules if f'"{rule}"' not in here} == set()


def figures(text: str) -> list[int]:
    """The numbers in a sentence, those of names aside."""
    plain = re.sub(r"'[^']*'", "", text)
    return [int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d|\d", plain)]


def test_pruning_that_was_switched_off_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    report = compile_model(DIGITS, CompileOptions("host", prune=False)).report
    found = [r.declined for r in report.reasons if r.stage == "prune"]
    assert found == ["--no-prune keeps all channels"]
