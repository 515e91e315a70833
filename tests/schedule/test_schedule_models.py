"""The trained networks need no more arena than TensorFlow Lite Micro's planner gives them."""

from pathlib import Path

import pytest

from mcucc.importer import read_onnx
from mcucc.kernels import select_kernels
from mcucc.schedule import plan_memory, schedule_layers
from tests.lowering import lower_quantized
from tests.schedule.simulator import Simulator

ARENA_HEADS = {"vww_96": 73728, "kws": 16000, "resnet8": 49152, "ad01": 768, "te_vww": 161472}
"""Bytes of the non-persistent part of TensorFlow Lite Micro's arena."""

ARENAS = {"vww_96": 36888, "kws": 10048, "resnet8": 33312, "ad01": 768, "te_vww": 76856}
"""Bytes that layers need whose outputs lie over inputs that die."""

MOST_UNPROVEN = 8
"""Bytes that the budget of the exact placement may leave open above the lower bound."""


@pytest.mark.models
@pytest.mark.parametrize("name", ARENA_HEADS)
def test_the_arena_is_at_most_that_of_tflm(models_dir: Path, name: str) -> None:
    graph = lower_quantized(read_onnx(models_dir / f"{name}_qdq.onnx"), name)
    chosen = select_kernels(graph)
    kernels = {name: kernel and kernel.scratch_free for name, kernel in chosen.items()}
    plan = plan_memory(schedule_layers(graph, kernels))
    assert plan.arena_bytes <= min(ARENAS[name], ARENA_HEADS[name])
    assert plan.placement.optimal or plan.placement.gap <= MOST_UNPROVEN
    assert plan.schedule.order_proven
    Simulator(plan, keep_input=False).run()
