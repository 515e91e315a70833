"""The ladder for a compiled network: numpy, host C, TFLM and QEMU must agree in every bit.

Given the float network it came from, the ladder gets one more link, with a tolerance.

The numpy reference computes every tensor of the graph; each other judge is held against it,
tensor by tensor in the order of the steps.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mcucc.api.file_link import hear_file
from mcucc.api.float_link import (
    FloatLink,
    LsbOutput,
    compare_with_float,
    compare_with_onnx_runtime,
)
from mcucc.api.tflm_link import Heard, Values, hear_tflm
from mcucc.compiled.arrays import ArraySource, label
from mcucc.compiled.directory import CompiledNetwork
from mcucc.compiled.input_range import InputRange, input_ranges
from mcucc.compiled.samples import (
    Samples,
    dequantize_inputs,
    flatten,
    load_reals,
    load_samples,
    random_samples,
    to_onnx,
)
from mcucc.errors import InputFileError, JudgeAbsentError, SimulationError
from mcucc.importer import ModelSource, TfliteValues, tflite_values
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.ops import Int8Graph
from mcucc.reference import interpreter
from mcucc.report.summary import Summarized, Summary
from mcucc.sim.result import RunResult
from mcucc.twin import unjudged

RANDOM_SAMPLES = 8
"""How many random inputs are used if the user gives none."""

_SAID_BY_FLOAT = {
    "differs": "the float network differs from ONNX Runtime by more than the limit",
    "crashed": "ONNX Runtime was fed wrongly, which is a bug in mcucc",
}
"""What of the float link is a failure."""


@dataclass(frozen=True)
class Difference:
    """The first element in which a judge disagrees with the numpy reference.

    Attributes:
        judge: who disagrees.
        tensor: its name in the graph.
        sample: index of the sample.
        index: of the element, without the sample axis, in inner (NHWC) layout.
        expected: what the reference has.
        actual: what the judge has.
        differing: how many elements of the tensor differ, over all samples.
    """

    judge: str
    tensor: str
    sample: int
    index: tuple[int, ...]
    expected: int
    actual: int
    differing: int


@dataclass(frozen=True, repr=False)
class Verification(Summarized):
    """The result of climbing the ladder.

    Attributes:
        ok: there are no failures.
        failures: why it is not verified, a sentence each: a judge differs or crashed, a required
            one is absent, or the float link, if it was asked for, differs or crashed.
        bits_equal: no judge differs or crashed.
        judges: by name "equal", "differs", "crashed", or "absent": not installed, or kept from
            judging by a known limit of its own; then what it saw before that is equal.
        compared: by judge, how many of its tensors were held against numpy's.
        samples: number of inputs.
        tensors_compared: the sum of `compared`.
        first_difference: None if all agree.
        float: what the float network says; None if no model was given.
        onnxruntime_lsb: how far ONNX Runtime is from the int8 outputs, if a model was given and
            comes quantized; it does not bear on `ok`.
        messages: what crashed or absent judges said.
        input_range: how the samples lie in the range that was calibrated; None for random ones.
        tensors: how many the network has.
        unjudged: those of them that TFLM has no operator for: it was given them as numpy has them.
    """

    ok: bool
    failures: tuple[str, ...]
    bits_equal: bool
    judges: Mapping[str, str]
    compared: Mapping[str, int]
    samples: int
    tensors_compared: int
    first_difference: Difference | None
    float: FloatLink | None
    onnxruntime_lsb: tuple[LsbOutput, ...] | None
    messages: tuple[str, ...]
    input_range: tuple[InputRange, ...] | None = None
    tensors: int = 0
    unjudged: tuple[str, ...] = ()

    def summary(self) -> Summary:
        """Whether it is verified, and a row for each judge."""
        facts = {
            "ok": self.ok,
            "bits_equal": self.bits_equal,
            "samples": self.samples,
            "tensors_compared": self.tensors_compared,
            **({"unjudged": ", ".join(self.unjudged)} if self.unjudged else {}),
            "failures": "; ".join(self.failures),
        }
        rows = [(judge, said, self.compared.get(judge)) for judge, said in self.judges.items()]
        return Summary(type(self).__name__, facts, ("judge", "says", "tensors compared"), rows)


def verify_directory(
    directory: Path,
    *,
    inputs: ArraySource | None = None,
    on_qemu: bool = False,
    require: tuple[str, ...] = (),
    model: ModelSource | None = None,
    stage: Callable[[str], None] = lambda _: None,
    limit: Limit = DEFAULT_LIMIT,
) -> Verification:
    """Climb the ladder for a compiled directory.

    Args:
        directory: as `write_compilation` left it.
        inputs: samples, as arrays, .npy or .npz; eight seeded random ones if None.
        on_qemu: also run on the simulated core.
        require: judges whose absence is a failure ("tflm").
        model: the compiled file, for the float link, or that of a `.tflite` file in TFLM.
        stage: called with a description before each stage.
        limit: how large the samples, and all tensors that they give, may be.

    Raises:
        BoardError: `on_qemu` for a board that is no microcontroller.
        InputFileError: the directory or the input file is not what it should be, or the model is
            not the one that was compiled.
        ToolchainError: a compiler is missing.
    """
    compiled = CompiledNetwork.open(directory)
    if on_qemu:
        compiled.board.require_simulator()
    if model is not None:
        compiled.check_model(model)
    samples = _samples(compiled, inputs, limit)
    stage("numpy reference")
    named = {port.tensor: x for port, x in zip(compiled.graph.inputs, samples, strict=True)}
    ladder = _Ladder(compiled, samples, interpreter.run(compiled.graph, named))
    if inputs is not None:
        ladder.input_range = input_ranges(compiled.report, inputs, limit)
    stage("host C with sanitizers")
    ladder.climb("host", ladder.host)
    stage("TensorFlow Lite Micro")
    ladder.climb("tflm", ladder.tflm)
    if on_qemu:
        stage(f"QEMU, {compiled.board.core.name}")
        ladder.climb("qemu", ladder.qemu)
    if model is not None:
        _climb_to_model(ladder, model, inputs, stage, limit)
    return ladder.result(require)


def _climb_to_model(
    ladder: "_Ladder",
    model: ModelSource,
    inputs: ArraySource | None,
    stage: Callable[[str], None],
    limit: Limit,
) -> None:
    """Hold the network against the file it was compiled from."""
    file = tflite_values(model)
    if file is not None and ladder.compiled.report.quantization is None:
        stage("the .tflite file in TensorFlow Lite Micro")
        ladder.climb("file", lambda: ladder.file(file))
        return
    stage("float network")
    ladder.compare_with_float(model, inputs, limit)


def _samples(compiled: CompiledNetwork, source: ArraySource | None, limit: Limit) -> Samples:
    graph = compiled.graph
    if source is not None:
        samples = load_samples(compiled.report, source, limit)
        _demand_room(label(source), len(samples[0]), graph, limit)
        return samples
    shapes = [graph.tensors[port.tensor].shape for port in graph.inputs]
    return random_samples(shapes, RANDOM_SAMPLES)


def _demand_room(path: Path, count: int, graph: Int8Graph, limit: Limit) -> None:
    """Every judge gives every tensor of every sample: refuse more than memory holds."""
    each = sum(kind.nbytes for kind in graph.tensors.values())
    most = max(RANDOM_SAMPLES, limit.together_bytes // each)
    if count > most:
        raise InputFileError(
            path,
            f"holds {count:,} samples, whose tensors take {count * each:,} bytes; at most "
            f"{most:,} samples are verified: give fewer, or raise --max-tensor-bytes",
        )


@dataclass
class _Ladder:
    """Collects what each judge says."""

    compiled: CompiledNetwork
    samples: Samples
    expected: Values
    judges: dict[str, str] = field(default_factory=lambda: {"numpy": "equal"})
    compared: dict[str, int] = field(default_factory=dict[str, int])
    first: Difference | None = None
    real: FloatLink | None = None
    lsb: tuple[LsbOutput, ...] | None = None
    messages: list[str] = field(default_factory=list[str])
    input_range: tuple[InputRange, ...] | None = None

    def climb(self, judge: str, hear: Callable[[], Heard]) -> None:
        """Run one judge and compare all its tensors."""
        try:
            heard = hear()
        except JudgeAbsentError as error:
            self.judges[judge] = "absent"
            self.messages.append(str(error))
            return
        except SimulationError as error:
            self.judges[judge] = "crashed"
            self.messages.append(str(error))
            return
        difference = first_difference(judge, self.expected, heard.values)
        said = "absent" if heard.limit else "equal"
        self.judges[judge] = said if difference is None else "differs"
        self.messages += [heard.limit] if heard.limit else []
        if heard.values:
            self.compared[judge] = len(heard.values)
        self.first = self.first or difference

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The tensors that TFLM cannot judge; all of them where it has none of the operators."""
        return unjudged(self.compiled.graph)

    def host(self) -> Heard:
        """Host C: a sanitized program."""
        return Heard(self._named(self.compiled.trace_host(flatten(self.samples))))

    def qemu(self) -> Heard:
        """The Cortex-M program."""
        return Heard(self._named(self.compiled.trace_qemu(flatten(self.samples))))

    def tflm(self) -> Heard:
        """The twin in TensorFlow Lite Micro."""
        twin = self.compiled.twin
        return hear_tflm(self.compiled.graph, twin, self.expected)

    def file(self, file: TfliteValues) -> Heard:
        """The `.tflite` file that was compiled, in TensorFlow Lite Micro."""
        return hear_file(self.compiled.report, self.compiled.graph, file, self.samples)

    def compare_with_float(
        self, model: ModelSource, inputs: ArraySource | None, limit: Limit
    ) -> None:
        """Hold the int8 network against the float one, on the reals that the user gave."""
        report = self.compiled.report
        if inputs is None:
            reals = dequantize_inputs(report, self.samples)
        else:
            reals = load_reals(report, inputs, limit)
        outputs = [self.expected[port.tensor] for port in self.compiled.graph.outputs]
        int8 = {
            name: y.astype(np.float32)
            for name, y in to_onnx(report, outputs, dequantized=True).items()
        }
        self.real, message = compare_with_float(report, model, reals, int8, random=inputs is None)
        self.messages += [message] if message else []
        if self.real.says == "quantized":
            self.compare_with_onnx_runtime(model)

    def compare_with_onnx_runtime(self, model: ModelSource) -> None:
        """What ONNX Runtime makes of the same int8 inputs."""
        report = self.compiled.report
        outputs = [self.expected[port.tensor] for port in self.compiled.graph.outputs]
        int8 = {
            name: y.astype(np.int32)
            for name, y in to_onnx(report, outputs, dequantized=False).items()
        }
        reals = dequantize_inputs(report, self.samples)
        self.lsb, message = compare_with_onnx_runtime(report, model, reals, int8)
        self.messages += [message] if message else []

    def result(self, require: tuple[str, ...]) -> Verification:
        """What all of them said."""
        failures = tuple(self._failures(require))
        return Verification(
            ok=not failures,
            failures=failures,
            bits_equal=not {"differs", "crashed"} & set(self.judges.values()),
            judges=dict(self.judges),
            compared=dict(self.compared),
            samples=len(self.samples[0]),
            tensors_compared=sum(self.compared.values()),
            first_difference=self.first,
            float=self.real,
            onnxruntime_lsb=self.lsb,
            messages=tuple(self.messages),
            input_range=self.input_range,
            tensors=len(self.expected),
            unjudged=self.unjudged,
        )

    def _failures(self, require: tuple[str, ...]) -> Iterator[str]:
        """What keeps the network from being verified."""
        for judge, said in self.judges.items():
            if said == "differs":
                yield f"{judge} differs from numpy"
            elif said == "crashed":
                yield f"{judge} crashed"
            elif said == "absent" and judge in require and len(self.unjudged) < len(self.expected):
                yield f"--require {judge}: {judge} was required, and is absent"
        real = "" if self.real is None else self.real.says
        if real in _SAID_BY_FLOAT:
            yield _SAID_BY_FLOAT[real]

    def _named(self, result: RunResult) -> Values:
        """Traced tensors by name, and the outputs as the caller reads them."""
        traced = result.tensors or {}
        names = {tensor.id: tensor.name for tensor in self.compiled.report.tensors}
        made = {node.output for node in self.compiled.graph.nodes}
        values = {names[number]: array for number, array in traced.items()}
        missing = made - set(values)
        if missing:
            raise SimulationError(f"the code never reported tensor '{min(missing)}'")
        return {name: a.reshape(self.expected[name].shape) for name, a in values.items()} | {
            f"{port.tensor}": flat.reshape(self.expected[port.tensor].shape)
            for port, flat in zip(self.compiled.graph.outputs, result.outputs, strict=True)
        }


def first_difference(judge: str, expected: Values, actual: Values) -> Difference | None:
    """The first tensor, in the order of `expected`, in which a judge differs."""
    for name, wanted in expected.items():
        if name not in actual or np.array_equal(wanted, actual[name]):
            continue
        places = np.argwhere(wanted != actual[name])
        sample, *index = (int(i) for i in places[0])
        where = (sample, *index)
        return Difference(
            judge,
            name,
            sample,
            tuple(index),
            int(wanted[where]),
            int(actual[name][where]),
            len(places),
        )
    return None
