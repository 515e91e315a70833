"""What a model file holds, and every reason why it cannot be compiled."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mcucc.api.network import demand_compilable
from mcucc.errors import UnsupportedModelError, Violation
from mcucc.importer import (
    ModelSource,
    OnnxPort,
    cut_at,
    declare_states,
    identifier,
    lower_with_notes,
    path_of,
    read_network,
)
from mcucc.ir.limits import DEFAULT_LIMIT, Limit
from mcucc.kernels import select_kernels
from mcucc.ops import FloatGraph, Int8Graph
from mcucc.ops.elementwise import FloatFakeQuant
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.neutral import neutral_form
from mcucc.quant.ptq import from_file
from mcucc.quant.scheme import brings_scales, uncalibrated
from mcucc.report.summary import Summarized, Summary


@dataclass(frozen=True)
class InspectedLayer:
    """One operator of the network before any pass; the output shape is the inner one (NHWC)."""

    name: str
    op: str
    output_shape: tuple[int, ...]
    macs: int


@dataclass(frozen=True)
class InspectedState:
    """A declared input in which a run finds what the run before left in an output."""

    input: str
    output: str


@dataclass(frozen=True, repr=False)
class Inspection(Summarized):
    """What a file holds.

    Attributes:
        model: file name.
        sha256: of the file.
        opset: version of the default operator set; of a `.tflite` file None.
        ops: how often each operator of the file occurs, by name.
        inputs: declared inputs; a dimension is None where the file leaves it open.
        outputs: likewise.
        supported: whether mcucc can compile it.
        violations: every reason why it cannot.
        macs: multiply-accumulates, None if it is not supported.
        params: elements of weights and biases, None if it is not supported.
        layers: in the order of execution, float or int8 as the network is; empty if it is not
            supported.
        unscaled: values without a scale in a file that gives others one: `compile` needs
            calibration inputs for them.
        notes: what of the file is left out, as sentences.
        states: inputs and outputs that are one value; they are among neither of the above.
    """

    model: str
    sha256: str
    opset: int | None
    ops: Mapping[str, int]
    inputs: tuple[OnnxPort, ...]
    outputs: tuple[OnnxPort, ...]
    supported: bool
    violations: tuple[Violation, ...]
    macs: int | None
    params: int | None
    layers: tuple[InspectedLayer, ...]
    unscaled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    states: tuple[InspectedState, ...] = ()

    def summary(self) -> Summary:
        """Whether it is supported; its layers, or every reason why it is not."""
        facts = {
            "model": self.model,
            "opset": self.opset,
            "supported": self.supported,
            "macs": self.macs,
            "params": self.params,
        }
        kind = type(self).__name__
        if self.supported:
            rows = [(x.name, x.op, "x".join(map(str, x.output_shape)), x.macs) for x in self.layers]
            return Summary(kind, facts, ("layer", "op", "output (NHWC)", "MACs"), rows)
        facts["violations"] = len(self.violations)
        wrong = [(x.op, x.node, x.rule, x.actual, x.hint) for x in self.violations]
        return Summary(kind, facts, ("op", "node", "rule", "here", "hint"), wrong)


@np.errstate(all="ignore")  # what overflows is named as a violation
def inspect_model(
    source: ModelSource,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cut: Sequence[str] = (),
    states: Sequence[tuple[str, str]] = (),
) -> Inspection:
    """Look into a model file.

    Args:
        source: of the model.
        input_shapes: ONNX shapes of inputs that the file leaves open.
        limit: how large tensors may be.
        cut: values that become the outputs; those of the file if none.
        states: inputs and outputs that are one value, which runs hand on.

    Raises:
        InputFileError: the file cannot be read. An unsupported network is no error here.
        UsageError: a given shape contradicts the file, or it has no such value.
    """
    path, model = path_of(source), cut_at(declare_states(read_network(source), states), cut)
    violations, name = tuple[Violation, ...](), identifier(path)
    graph: Int8Graph | FloatGraph | None = None
    unscaled, notes = tuple[str, ...](), tuple[str, ...]()
    try:
        graph, notes = lower_with_notes(model, name, input_shapes=input_shapes, limit=limit)
        folded = run_passes(graph, FLOAT)[0]
        missing = uncalibrated(folded)
        if missing:
            unscaled = missing if brings_scales(folded) else ()
            demand_compilable(model, neutral_form(folded), limit)
        else:
            graph = from_file(folded)
            demand_compilable(model, graph, limit)
            select_kernels(graph)
    except UnsupportedModelError as error:
        graph, violations = None, error.violations
    return Inspection(
        model=path.name,
        sha256=model.sha256,
        opset=model.opset if model.format == "onnx" else None,
        ops=dict(sorted(Counter(model.operators).items())),
        inputs=_others(model.inputs, [state.source for state in model.states]),
        outputs=_others(model.outputs, [state.update for state in model.states]),
        supported=graph is not None,
        violations=violations,
        unscaled=unscaled,
        macs=None if graph is None else sum(layer.macs for layer in _layers(graph)),
        params=None if graph is None else sum(c.type.size for c in graph.consts.values()),
        layers=_layers(graph),
        notes=model.notes + notes,
        states=tuple(InspectedState(state.source, state.update) for state in model.states),
    )


def _others(ports: Sequence[OnnxPort], names: Sequence[str]) -> tuple[OnnxPort, ...]:
    """The ports of other names."""
    return tuple(port for port in ports if port.name not in names)


def _layers(graph: Int8Graph | FloatGraph | None) -> tuple[InspectedLayer, ...]:
    if graph is None:
        return ()
    return tuple(
        InspectedLayer(
            node.name,
            type(node.op).__name__.removeprefix("Float"),
            graph.tensors[node.output].shape,
            node.op.macs(
                tuple(graph.type_of(name) for name in node.inputs), graph.tensors[node.output]
            ),
        )
        for node in graph.nodes
        if not isinstance(node.op, FloatFakeQuant)  # which becomes a scale
    )
