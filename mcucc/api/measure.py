"""Measures compiled networks: exact instructions on the simulated core, by layer, and sizes."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.api.attribution import Attribution, Layers
from mcucc.build.project import BuildOptions
from mcucc.build.sizes import measure_sizes
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, random_samples
from mcucc.ir import Shape
from mcucc.report.model import Report
from mcucc.sim.profile import Profile
from mcucc.sim.result import RunResult
from mcucc.targets.board import load_board
from mcucc.targets.cycles import InstructionCounts, modelled_cycles

_INPUTS = 5
"""Random inputs of a measurement."""


@dataclass(frozen=True)
class LayerMeasurement:
    """What was executed for one layer, or for several that cannot be told apart.

    Layers cannot be told apart if they have the same kernel and run within the same stage of a
    segment; `name` then joins their names, and `index` is the first one's.

    Attributes:
        index: in the report's layers.
        name: of the layer.
        op: its operator.
        kernel: its kernel, empty where nothing is executed.
        macs: multiply-accumulates.
        instructions: executed for it.
        modelled_cycles: of these instructions, None without a model of the core.
    """

    index: int
    name: str
    op: str
    kernel: str
    macs: int
    instructions: int
    modelled_cycles: int | None


@dataclass(frozen=True)
class RunCounts:
    """What one inference executes.

    Attributes:
        instructions: from the entry of `run` to its return; repeatable to the instruction.
        modelled_cycles: of a core with ideal memory, None without a model of the core; no latency.
        overhead_instructions: those that no layer's code has, such as calls of steps, and an
            image's rows if the caller hands them over. With those of the layers all instructions.
        layers: in order.
    """

    instructions: int
    modelled_cycles: int | None
    overhead_instructions: int
    layers: tuple[LayerMeasurement, ...]


@dataclass(frozen=True)
class Measurement:
    """What one inference costs on a board's core.

    Attributes:
        model: name of the network.
        board: id.
        core: of the board.
        simulator: QEMU machine that ran it.
        proxy: whether that machine only stands in for the board.
        options: how it was compiled.
        instructions: executed from the entry of `run` to its return for the first input; repeatable
            to the instruction. Instructions are not cycles.
        inputs: how many random inputs were run.
        least_instructions: for any of them. Code that branches on data needs more or fewer.
        most_instructions: likewise.
        instructions_per_mac: `instructions` per multiply-accumulate that the plan executes.
        modelled_cycles: of a core with ideal memory, None without a model of the core; no latency.
        arena_bytes: of the plan.
        code_bytes: of the network's objects, None without a compiler.
        weights_bytes: likewise.
        stack_bytes: that the runs used, painted and read back; the report's is an upper bound.
        overhead_instructions: those of no layer, for the first input.
        layers: in order, for the first input.
    """

    model: str
    board: str
    core: str
    simulator: str
    proxy: bool
    options: str
    instructions: int
    inputs: int
    least_instructions: int
    most_instructions: int
    instructions_per_mac: float
    modelled_cycles: int | None
    arena_bytes: int
    code_bytes: int | None
    weights_bytes: int | None
    stack_bytes: int | None
    overhead_instructions: int
    layers: tuple[LayerMeasurement, ...]


def measure(directory: Path, board_id: str | None = None) -> Measurement:
    """Measure one inference on a seeded random input, and how the count differs for four others.

    Args:
        directory: a compiled network.
        board_id: id of a board or a board file; None for the one it was compiled for.

    Raises:
        BoardError: there is no such board, or it is no microcontroller.
        DoesNotFitError: the program does not fit the board.
        InputFileError: the directory is not a compiled network.
        ToolchainError: a compiler or the simulator is missing.
        SimulationError: the run failed.
    """
    compiled = CompiledNetwork.open(directory)
    if board_id is not None:
        compiled = compiled.on(load_board(board_id))
    report, board = compiled.report, compiled.board
    simulator = board.require_simulator()
    shapes = [compiled.graph.tensors[port.tensor].shape for port in compiled.graph.inputs]
    result, runs = profile(compiled, _random_inputs(shapes))
    counts, totals = runs[0], [run.instructions for run in runs]
    code_bytes, weights_bytes = _sizes(compiled)
    return Measurement(
        model=report.name,
        board=board.id,
        core=board.core.name,
        simulator=simulator.machine,
        proxy=simulator.proxy,
        options=report.options,
        instructions=counts.instructions,
        inputs=len(runs),
        least_instructions=min(totals),
        most_instructions=max(totals),
        instructions_per_mac=round(counts.instructions / max(1, report.executed_macs), 4),
        modelled_cycles=counts.modelled_cycles,
        arena_bytes=report.arena_bytes,
        code_bytes=code_bytes,
        weights_bytes=weights_bytes,
        stack_bytes=result.stack_bytes,
        overhead_instructions=counts.overhead_instructions,
        layers=counts.layers,
    )


def profile(
    compiled: CompiledNetwork, samples: NDArray[np.int8]
) -> tuple[RunResult, tuple[RunCounts, ...]]:
    """Run samples (N, bytes) on the simulated core and count what each of them executes.

    Raises:
        DoesNotFitError: the program does not fit the board.
        ToolchainError: a compiler or the simulator is missing.
        SimulationError: the run failed.
    """
    attribution = Attribution(compiled.report)
    result, profiles = compiled.profile_qemu(samples, attribution.owners, attribution.kernels)
    core = compiled.board.core.name
    return result, tuple(_run_counts(attribution, each, core) for each in profiles)


def _random_inputs(shapes: Sequence[Shape]) -> NDArray[np.int8]:
    """Samples (N, bytes), each with a seed of its own."""
    drawn = [flatten(random_samples(shapes, 1, seed)) for seed in range(_INPUTS)]
    return np.concatenate(drawn)


def _sizes(compiled: CompiledNetwork) -> tuple[int | None, int | None]:
    """Bytes of code and weights, from the report or, for another board, from its own objects."""
    flash = compiled.report.flash
    if compiled.board.id == compiled.report.board:
        return flash.code_bytes, flash.weights_bytes
    with tempfile.TemporaryDirectory(prefix="mcucc-sizes-") as work:
        sizes = measure_sizes(
            *(compiled.directory, compiled.network, compiled.board, Path(work)),
            BuildOptions(other_core=compiled.is_elsewhere),
        )
    return sizes.code_bytes, sizes.weights_bytes


def _run_counts(attribution: Attribution, counted: Profile, core: str) -> RunCounts:
    """Sums up the parts of a run by layer."""
    by_layers: dict[Layers, InstructionCounts] = {}
    for (owner, kernel), counts in counted.items():
        layers = attribution.layers(owner, kernel)
        by_layers[layers] = by_layers.get(layers, InstructionCounts()) + counts
    overhead = by_layers.pop((), InstructionCounts())
    groups = _groups(len(attribution.report.layers), list(by_layers))
    measured: list[LayerMeasurement] = []
    for group in groups:
        parts = (counts for layers, counts in by_layers.items() if layers[0] in group)
        total = sum(parts, InstructionCounts())
        measured.append(_layer(attribution.report, group, total, core))
    everything = sum(by_layers.values(), overhead)
    return RunCounts(
        instructions=everything.instructions,
        modelled_cycles=modelled_cycles(core, everything),
        overhead_instructions=overhead.instructions,
        layers=tuple(measured),
    )


def _groups(count: int, found: Sequence[Layers]) -> list[Layers]:
    """Every layer once, with those that it cannot be told apart from."""
    groups: Mapping[int, set[int]] = {i: {i} for i in range(count)}
    for layers in found:
        together = set[int]().union(*(groups[i] for i in layers))
        groups = {**groups, **dict.fromkeys(together, together)}
    return sorted({tuple(sorted(group)) for group in groups.values()})


def _layer(report: Report, group: Layers, counts: InstructionCounts, core: str) -> LayerMeasurement:
    layers = [report.layers[i] for i in group]
    return LayerMeasurement(
        index=group[0],
        name=" + ".join(layer.name for layer in layers),
        op=" + ".join(dict.fromkeys(layer.op for layer in layers)),
        kernel=" + ".join(dict.fromkeys(layer.kernel for layer in layers)),
        macs=sum(layer.macs for layer in layers),
        instructions=counts.instructions,
        modelled_cycles=modelled_cycles(core, counts),
    )
