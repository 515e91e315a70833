"""Measures compiled networks: exact instructions on the simulated core, and sizes."""

from dataclasses import dataclass
from pathlib import Path

from mcucc.compiled import CompiledNetwork
from mcucc.report.model import Report, StepReport
from mcucc.samples import flatten, random_samples


@dataclass(frozen=True)
class LayerMeasurement:
    """Instructions of one step, the two that call the hook at its end included.

    A segment's layers run interleaved and are counted together: its `op` is "Segment", and `kernel`
    is empty.
    """

    index: int
    name: str
    op: str
    kernel: str
    macs: int
    instructions: int


@dataclass(frozen=True)
class Measurement:
    """What one inference costs on a board's core.

    Attributes:
        model: name of the network.
        board: id.
        core: of the board.
        simulator: QEMU machine that ran it.
        proxy: whether that machine only stands in for the board.
        instructions: executed from the entry of `run` to its return; repeatable to the instruction.
            Instructions are not cycles.
        instructions_per_mac: the same per multiply-accumulate of the plan.
        arena_bytes: of the plan.
        code_bytes: of the network's objects, None without a compiler.
        weights_bytes: likewise.
        stack_bytes: that the run used, painted and read back; the report's is what it uses at most.
        layers: instructions of each step, in a build with hooks around each.
    """

    model: str
    board: str
    core: str
    simulator: str
    proxy: bool
    instructions: int
    instructions_per_mac: float
    arena_bytes: int
    code_bytes: int | None
    weights_bytes: int | None
    stack_bytes: int | None
    layers: tuple[LayerMeasurement, ...]


def measure(directory: Path) -> Measurement:
    """Measure one inference on one seeded random input.

    Raises:
        InputFileError: the directory is not a compiled network.
        ToolchainError: a compiler or the simulator is missing.
        SimulationError: the run failed.
    """
    compiled = CompiledNetwork.open(directory)
    report, board = compiled.report, compiled.board
    shapes = [compiled.graph.tensors[port.tensor].shape for port in compiled.graph.inputs]
    samples = flatten(random_samples(shapes, 1))
    plain = compiled.count_qemu(samples)
    hooked = compiled.count_qemu(samples, per_step=True)
    instructions = (plain.instructions or (0,))[0]
    steps = (hooked.step_instructions or ((),))[0]
    return Measurement(
        model=report.name,
        board=board.id,
        core=board.core.name,
        simulator=board.simulator.machine,
        proxy=board.simulator.proxy,
        instructions=instructions,
        instructions_per_mac=round(instructions / max(1, report.executed_macs), 4),
        arena_bytes=report.arena_bytes,
        code_bytes=report.flash.code_bytes,
        weights_bytes=report.flash.weights_bytes,
        stack_bytes=plain.stack_bytes,
        layers=tuple(
            _step(report, step, count) for step, count in zip(report.steps, steps, strict=True)
        ),
    )


def _step(report: Report, step: StepReport, count: int) -> LayerMeasurement:
    """A layer on its own, or a segment, which may do nothing but take the caller's image."""
    op, kernel = "Segment", ""
    if step.mode == "layer":
        layer = report.layers[step.layers[0]]
        op, kernel = layer.op, layer.kernel
    return LayerMeasurement(step.index, step.name, op, kernel, step.macs, count)
