"""Small networks and the reasons that their reports hold."""

from collections.abc import Callable
from pathlib import Path

from mcucc.api.compile import CompileOptions, compile_model
from mcucc.kernels import choose_kernels
from mcucc.ops import Int8Graph
from mcucc.passes import FLOAT, INT8_WHOLE, PRUNE, PassEvent, run_passes
from mcucc.quant.neutral import neutral_form
from mcucc.report import Report
from mcucc.report.model import Reason
from mcucc.report.reasons import Grounds, collect
from mcucc.schedule import PlanOptions, plan_network
from mcucc.targets.board import load_board
from tests.importer.float_cases import Model
from tests.passes.float_text import parsed

Build = Callable[[Model], tuple[str, ...]]
"""Adds nodes to a model and names its outputs."""


def float_report(folder: Path, build: Build, *inputs: tuple[int, ...]) -> Report:
    """The report of a float network for the computer, which needs no compiler."""
    model = Model(*inputs)
    return compile_model(model.save(folder, *build(model)), CompileOptions("host")).report


def text_reasons(text: str) -> tuple[Reason, ...]:
    """The reasons of a float network given as IR text, after all passes."""
    folded, events = run_passes(parsed(text), FLOAT)
    return int8_reasons(neutral_form(folded), events=events)


def int8_reasons(
    graph: Int8Graph,
    board: str = "host",
    options: PlanOptions | None = None,
    events: tuple[PassEvent, ...] = (),
) -> tuple[Reason, ...]:
    """The reasons of an int8 network before its passes, and those of earlier passes."""
    whole, before = run_passes(graph, INT8_WHOLE)
    pruned, more = run_passes(whole, PRUNE)
    choices = choose_kernels(pruned, load_board(board).core)
    kernels = {name: choice.kernel for name, choice in choices.items()}
    wanted = options or PlanOptions(mode="layer")
    plan = plan_network(pruned, kernels, wanted)
    grounds = Grounds((*events, *before, *more), whole, choices, pruned=True, options=wanted)
    return collect(plan, grounds).reasons


def did(reasons: tuple[Reason, ...], rule: str) -> list[Reason]:
    """What a rule did."""
    return [reason for reason in reasons if reason.rule == rule and reason.did]


def declined(reasons: tuple[Reason, ...], rule: str) -> list[Reason]:
    """What a rule declined."""
    return [reason for reason in reasons if reason.rule == rule and reason.declined]
