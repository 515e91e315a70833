"""The kinds `graph` and `qemu`: random networks under all judges, on the host or on a core."""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray

from fuzz.case import Case, Kind, Outcome
from fuzz.command import judge_command, no_compilers
from fuzz.networks import draw_network
from fuzz.shrink import smaller_models
from fuzz.writer import Value
from mcucc.api.tflm_link import tflm_job
from mcucc.api.verify import first_difference
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.samples import flatten, random_samples
from mcucc.errors import SimulationError
from mcucc.importer import is_quantized, lower_network, read_onnx
from mcucc.ops import FloatGraph
from mcucc.reference import interpreter
from mcucc.reference.float_interpreter import run_float
from mcucc.sim.onnx_runtime import run_onnx
from mcucc.sim.result import RunResult
from mcucc.sim.tflm import TflmJob, run_tflm_jobs
from mcucc.twin import unjudged

MODEL, CALIBRATION = "model.onnx", "calibration.npz"
CORES = ("rpi-pico", "mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505", "mps3-an547")
"""A board of each core."""

_SAMPLES = 3
_TFLM_TIMEOUT_S = 120.0
_FLOAT_TOLERANCE = 1e-3
"""Relative to the largest magnitude of an output: sums are made in another order."""

Values = Mapping[str, NDArray[np.int8]]


@dataclass(frozen=True)
class Graphs(Kind):
    """What numpy, C and TFLM compute is equal, bit by bit, in every value.

    Attributes:
        on_core: whether the C runs on a simulated core; on the host, sanitized, otherwise.
    """

    name: str = "graph"
    per_round: int = 4
    batch: int = 10
    starts_sanitized: bool = True
    on_core: bool = False

    def draw(self, seed: int) -> Case:
        """A network, its calibration, and how it is to be compiled."""
        generator = np.random.default_rng([2 if self.on_core else 3, seed])
        proto, inputs = draw_network(generator)
        random = Random(f"{self.name} {seed}")
        files = {MODEL: proto.SerializeToString()}
        options = _options(random, CORES[seed % len(CORES)], len(inputs))
        if random.random() < 0.7:
            files[CALIBRATION] = _calibration(generator, inputs)
            options = (*options, "--calib", CALIBRATION)
        return Case(self.name, seed, ("compile", MODEL, "-o", "out", "--check", *options), files)

    def judge(self, cases: Sequence[Case], folder: Path) -> list[Outcome]:
        """Compile all, run each, and all twins in one process."""
        found = [self._compare(case, folder / str(i)) for i, case in enumerate(cases)]
        jobs = [(i, made) for i, made in enumerate(found) if isinstance(made, _Computed)]
        for (i, _), outcome in zip(jobs, _ask_tflm([made for _, made in jobs]), strict=True):
            found[i] = outcome
        return [outcome for outcome in found if isinstance(outcome, Outcome)]

    def smaller(self, case: Case) -> Iterator[Case]:
        """Smaller networks, and simpler options."""
        for content in smaller_models(case.files[MODEL]):
            yield replace(case, files={**case.files, MODEL: content})
        for option in ("--keep-input", "--no-prune", "--stream-input"):
            if option in case.arguments:
                kept = tuple(argument for argument in case.arguments if argument != option)
                yield replace(case, arguments=kept)

    def _compare(self, case: Case, folder: Path) -> "Outcome | _Computed":
        """Numpy against C; what numpy computed if they agree."""
        folder.mkdir()
        with no_compilers():
            outcome = judge_command(_below(case, folder), folder)
        if outcome.failed or outcome.said != "exit 0":
            return outcome
        compiled = CompiledNetwork.open(folder / "out")
        difference, absent = _float_difference(folder / MODEL), ""
        if difference is None:
            absent = ", without ONNX Runtime"
        elif difference:
            return Outcome("float differs from ONNX Runtime", failed=True, detail=difference)
        graph = compiled.graph
        shapes = [graph.tensors[port.tensor].shape for port in graph.inputs]
        samples = random_samples(shapes, _SAMPLES, case.seed)
        named = {port.tensor: x for port, x in zip(graph.inputs, samples, strict=True)}
        expected = interpreter.run(graph, named)
        try:
            run = compiled.trace_qemu if self.on_core else compiled.trace_host
            result = run(flatten(samples))
        except SimulationError as error:
            return Outcome(f"{self.name} crashed", failed=True, detail=str(error))
        wrong = first_difference(self.name, expected, _named(compiled, result, expected))
        if wrong is not None:
            return Outcome(f"{self.name} differs", failed=True, detail=str(wrong))
        if len(unjudged(graph)) == len(expected):
            return Outcome(f"equal{absent}, none of TFLM's operators", failed=False)
        return _Computed(expected, tflm_job(graph, compiled.twin, expected), f"equal{absent}")


@dataclass(frozen=True)
class _Computed:
    """What numpy says, what to ask TFLM, and what to say if it agrees."""

    expected: Values
    job: TflmJob
    said: str


def _options(random: Random, board: str, inputs: int) -> tuple[str, ...]:
    """How to compile; options that exclude each other are seldom drawn together."""
    found = ["--board", board, "--objective", random.choice(("auto", "speed", "memory"))]
    found += ["--schedule", random.choice(("auto", "auto", "layer", "stream"))]
    found += ["--io", random.choice(("int8", "int8", "uint8", "float"))]
    if inputs == 1 and "float" not in found and random.random() < 0.3:
        found.append("--stream-input")
    elif random.random() < 0.3:
        found.append("--keep-input")
    if random.random() < 0.3:
        found.append("--no-prune")
    found += ["--observer", random.choice(("mse", "minmax", "percentile"))]
    return tuple(found)


def _calibration(generator: np.random.Generator, inputs: Sequence[Value]) -> bytes:
    """A few inputs of a drawn center and width."""
    count = int(generator.integers(1, 9))
    arrays: dict[str, NDArray[np.float32]] = {}
    for value in inputs:
        center, width = generator.uniform(-1, 1), generator.uniform(0.1, 3)
        drawn = generator.normal(center, width, (count, *value.shape[1:]))
        arrays[value.name] = drawn.astype(np.float32)
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()


def _below(case: Case, folder: Path) -> Case:
    """The same case in a folder of its own."""
    names = {MODEL, CALIBRATION, "out"}
    arguments = tuple(str(folder / a) if a in names else a for a in case.arguments)
    return replace(case, arguments=arguments)


def _named(compiled: CompiledNetwork, result: RunResult, expected: Values) -> Values:
    """Traced values and outputs by name; one that was never traced is empty."""
    graph, names = compiled.graph, {t.id: t.name for t in compiled.report.tensors}
    traced = {names[number]: array for number, array in (result.tensors or {}).items()}
    missing = [node.output for node in graph.nodes if node.output not in traced]
    if missing:
        raise SimulationError(f"'{missing[0]}' was never traced")
    found = {name: array.reshape(expected[name].shape) for name, array in traced.items()}
    for port, flat in zip(graph.outputs, result.outputs, strict=True):
        found[port.tensor] = flat.reshape(expected[port.tensor].shape)
    return found


def _ask_tflm(computed: Sequence[_Computed]) -> list[Outcome]:
    try:
        results = run_tflm_jobs([each.job for each in computed], timeout=_TFLM_TIMEOUT_S)
    except SimulationError as error:
        if len(computed) == 1:
            return [Outcome("tflm crashed", failed=True, detail=str(error))]
        return [outcome for each in computed for outcome in _ask_tflm([each])]
    outcomes: list[Outcome] = []
    for each, found in zip(computed, results, strict=True):
        absent = [name for name in each.expected if name not in found]
        wrong = first_difference("tflm", each.expected, found)
        if absent or wrong is not None:
            said = "tflm lacks a value" if absent else "tflm differs"
            outcomes.append(Outcome(said, failed=True, detail=f"{absent} {wrong}"))
        else:
            outcomes.append(Outcome(each.said, failed=False))
    return outcomes


def _float_difference(path: Path) -> str | None:
    """How the float reference differs from ONNX Runtime; None where that does not run a network.

    Nothing is compared for a quantized network.
    """
    model = read_onnx(path)
    if is_quantized(model):
        return ""
    graph = lower_network(model, "net")
    random = np.random.default_rng(0)
    feed = {p.name: random.standard_normal(p.shape).astype(np.float32) for p in graph.inputs}
    names = [port.name for port in graph.outputs]
    try:
        theirs = run_onnx(path, feed)
    except SimulationError:
        return None
    for name, ours in zip(names, _float_outputs(graph, feed), strict=True):
        expected = theirs[name]
        distance = float(np.abs(ours - expected).max())
        if not distance <= _FLOAT_TOLERANCE * max(float(np.abs(expected).max()), 1e-3):
            return f"output {name}: {distance:g} of {float(np.abs(expected).max()):g}"
    return ""


def _float_outputs(
    graph: FloatGraph, feed: Mapping[str, NDArray[np.float32]]
) -> list[NDArray[np.float32]]:
    inputs = {
        p.tensor: feed[p.name] if p.perm is None else feed[p.name].transpose(p.perm)
        for p in graph.inputs
    }
    values = run_float(graph, inputs)
    return [
        values[p.tensor].reshape(p.shape)
        if p.perm is None
        else values[p.tensor].transpose(np.argsort(p.perm))
        for p in graph.outputs
    ]
