"""From a graph to its C, built with sanitizers and held against the numpy reference."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mcucc.build.network import Network, TensorInfo
from mcucc.build.project import BuildOptions, build_host_executable
from mcucc.codegen import Io, Program, Provenance, emit, lower
from mcucc.kernels import Kernel, choose_kernels
from mcucc.memory import Buffer, Problem
from mcucc.ops import Int8Graph
from mcucc.reference.interpreter import Values, run
from mcucc.schedule import (
    Layer,
    MemoryPlan,
    PlanOptions,
    Schedule,
    dead_ranges,
    plan_memory,
    plan_network,
    schedule_layers,
    scratch_name,
)
from mcucc.sim.host import run_executable
from mcucc.sim.protocol import Placement
from mcucc.sim.result import RunResult
from mcucc.targets.board import CORES, Core
from tests.graphs import random_inputs

PROVENANCE = Provenance("0.0.0", "model.onnx", "0" * 64, "host", "--objective auto")

SIMD_CORES = (None, CORES["cortex-m4"], CORES["cortex-m55"])
"""None, which stands for kernels in plain C, and cores with SIMD kernels of their own."""

KERNEL_CORES = (*SIMD_CORES, CORES["cortex-m0plus"])
"""The same, with the core whose convolutions and dense layers differ from plain C."""


def core_name(core: Core | None) -> str:
    """For the name of a test."""
    return "portable" if core is None else core.name


_WATCHED = BuildOptions(trace=True, step_hooks="liveness", sanitize=True, optimize=False)


@dataclass(frozen=True)
class Generated:
    """A network's C in `directory`, and what it was made from."""

    graph: Int8Graph
    kernels: Mapping[str, Kernel | None]
    plan: MemoryPlan
    program: Program
    network: Network
    directory: Path


def generate(
    graph: Int8Graph,
    directory: Path,
    *,
    planned: bool = True,
    io: Io = "int8",
    keep_input: bool = False,
    options: PlanOptions | None = None,
    core: Core | None = None,
    lean: bool = False,
    small: bool = False,
) -> Generated:
    """Writes the C of a graph into a new directory.

    Without `planned` the nodes run in the order of the graph and no two tensors share bytes: for
    graphs of a hundred branches, in which the search for an order would take minutes. With
    `options` the plan is what they ask for, row by row if they do; else it is one of layers. The
    kernels are those for `core`, in plain C without one; if `lean`, those that need no scratch; if
    `small`, those that need less flash.
    """
    choices = choose_kernels(graph, core, small=small)
    kernels = {name: choice.kernel for name, choice in choices.items()}
    if lean:
        kernels = {name: None if k is None else k.scratch_free for name, k in kernels.items()}
    if options is not None:
        plan = plan_network(graph, kernels, options)
    elif planned:
        plan = plan_memory(schedule_layers(graph, kernels, keep_input=keep_input))
    else:
        plan = plan_memory(_in_graph_order(graph, kernels))
    return generate_plan(plan, directory, io=io)


def generate_plan(plan: MemoryPlan, directory: Path, *, io: Io = "int8") -> Generated:
    """Writes the C of a plan into a new directory."""
    graph = plan.schedule.graph
    kernels = {n.name: step.kernel_of(n) for step in plan.schedule.steps for n in step.nodes}
    program = lower(plan, PROVENANCE, io)
    directory.mkdir(parents=True)
    for name, text in emit(program).items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
    return Generated(graph, kernels, plan, program, _network(program, plan), directory)


def _in_graph_order(graph: Int8Graph, kernels: Mapping[str, Kernel | None]) -> Schedule:
    """Every tensor has bytes of its own from the step that makes it until the end."""
    end = len(graph.nodes)
    home = {port.tensor: port.tensor for port in graph.inputs}
    lives: dict[str, tuple[int, int]] = dict.fromkeys(home, (0, end))
    for step, node in enumerate(graph.nodes):
        reshaped = kernels[node.name] is None
        home[node.output] = home[node.inputs[0]] if reshaped else node.output
        lives[node.output] = (step, end)
    buffers = [
        Buffer(name, graph.tensors[name].nbytes, *lives[name], alignment=4)
        for name in dict.fromkeys(home.values())
    ]
    steps = tuple(Layer(node, kernels[node.name]) for node in graph.nodes)
    buffers += [
        Buffer(scratch_name(step), step.kernel.scratch_bytes, i, i + 1, alignment=4)
        for i, step in enumerate(steps)
        if step.kernel is not None and step.kernel.scratch_bytes
    ]
    return Schedule(graph, steps, False, home, lives, Problem(tuple(buffers)))


def _network(program: Program, plan: MemoryPlan) -> Network:
    return Network(
        name=program.name,
        inputs=tuple(port.tensor.nbytes for port in program.inputs),
        outputs=tuple(port.tensor.nbytes for port in program.outputs),
        indices=tuple(port.index for port in program.outputs if port.is_index),
        arena_bytes=program.arena_bytes,
        arena_align=program.arena_align,
        tensors=tuple(TensorInfo(t.id, t.name, t.h, t.w, t.c) for t in program.tensors),
        dead_ranges=tuple(dead_ranges(plan, i) for i in range(len(program.steps))),
        io=program.io,
        row_bytes=program.inputs[0].tensor.row_bytes if program.streamed else None,
        pixel_bytes=program.inputs[0].tensor.c if program.elsewhere else None,
        state_bytes=program.state_bytes,
    )


def flat_samples(graph: Int8Graph, inputs: Values) -> NDArray[np.int8]:
    """All inputs of each sample, one after the other: (N, bytes)."""
    count = len(inputs[graph.inputs[0].tensor])
    rows = [inputs[port.tensor].reshape(count, -1) for port in graph.inputs]
    return np.concatenate(rows, axis=1)


def assert_c_agrees(
    generated: Generated, work: Path, *, samples: int = 6, clang: bool = False
) -> None:
    """Every tensor must have the reference's bits.

    The program runs under AddressSanitizer and UndefinedBehaviorSanitizer, with dead bytes of the
    arena poisoned at each step, and with a guard page at either end of the arena. A network that
    runs on floats does.
    """
    graph, network = generated.graph, generated.network
    inputs = random_inputs(graph, samples)
    expected = run(graph, inputs)
    options = replace(_WATCHED, run_float=network.io == "float", clang=clang)
    artifact = build_host_executable(generated.directory, network, work, options)
    flat = flat_samples(graph, inputs)
    for placement in Placement:
        result = run_executable(artifact, network, flat, placement=placement)
        _compare_tensors(generated, result, expected)
        _compare_outputs(graph, result, expected)
        assert result.touched_bytes <= network.arena_bytes


def _compare_tensors(generated: Generated, result: RunResult, expected: Values) -> None:
    assert result.tensors is not None
    inputs = set(generated.graph.source_tensors)
    made = {tensor.id for tensor in generated.program.tensors if tensor.name not in inputs}
    assert set(result.tensors) == made
    for tensor in generated.program.tensors:
        if tensor.id in made:
            got = result.tensors[tensor.id]
            wrong = np.argwhere(got != expected[tensor.name].reshape(got.shape))
            assert not wrong.size, (
                f"'{tensor.name}' differs in {len(wrong)} of {got.size} elements, first at "
                f"[sample, y, x, c] = {wrong[0].tolist()}"
            )


def _compare_outputs(graph: Int8Graph, result: RunResult, expected: Values) -> None:
    for port, got in zip(graph.outputs, result.outputs, strict=True):
        np.testing.assert_array_equal(got, expected[port.tensor].reshape(got.shape), port.name)
