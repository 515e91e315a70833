"""Which layer a function of the generated code works for.

A layer on its own is a function `step_<layer>`; in a segment the stage that makes rows of a tensor
is `next_<tensor>`, within which layers may run whose outputs are panels of pixels. The functions
`seg<step>` and the run function itself work for no layer.
"""

from dataclasses import dataclass
from functools import cached_property

from mcucc.build.ranges import CodeMap
from mcucc.codegen.literals import unique_idents
from mcucc.compiled.directory import CompiledNetwork
from mcucc.ops import Int8Graph
from mcucc.report import Report

Layers = tuple[int, ...]
"""Indices of layers in the report. More than one: what runs for which of them is not told apart."""


@dataclass(frozen=True)
class Attribution:
    """Functions of a compiled network, by what they do.

    Attributes:
        report: of the network.
        graph: of the network.
    """

    report: Report
    graph: Int8Graph

    @classmethod
    def of(cls, compiled: CompiledNetwork) -> "Attribution":
        """That of a compiled directory."""
        return cls(compiled.report, compiled.graph)

    @property
    def owners(self) -> tuple[str, ...]:
        """Every function that is part of the plan; the first is where a run begins."""
        name = self.report.name
        segments = [f"seg{step.index}" for step in self.report.steps if step.mode == "rows"]
        run = f"{name}_run_rows" if self.report.stream_input else f"{name}_run"
        return (run, *segments, *self._layers)

    @property
    def kernels(self) -> tuple[str, ...]:
        """Every kernel that some layer has."""
        return tuple(dict.fromkeys(layer.kernel for layer in self.report.layers if layer.kernel))

    def layers(self, owner: str, kernel: str) -> Layers:
        """The layer for which the code of a kernel runs within an owner; empty for none.

        Code of an owner outside any kernel is its own layer's, whose output it makes.
        """
        found = self._layers.get(owner, ())
        same = tuple(i for i in found if self.report.layers[i].kernel == kernel)
        return same if kernel and same else found[-1:]

    @cached_property
    def _layers(self) -> dict[str, Layers]:
        """By function, the layers that run within it, its own last; none for an image's rows."""
        report = self.report
        idents = unique_idents([layer.name for layer in report.layers])
        tensors = sorted(report.tensors, key=lambda tensor: tensor.id)
        rings = unique_idents([tensor.name for tensor in tensors])
        owners: dict[str, Layers] = {}
        for step in report.steps:
            if step.mode == "layer":
                layer = report.layers[step.layers[0]]
                owners[f"step_{idents[layer.name]}"] = step.layers
            else:
                within = {report.layers[i].name: i for i in step.layers}
                owners |= {f"next_{rings[t]}": ls for t, ls in self._stages(within).items()}
        for port in self.graph.inputs:
            owners.setdefault(f"next_{rings[port.tensor]}", ())
        return owners

    def _stages(self, within: dict[str, int]) -> dict[str, Layers]:
        """Of a segment's layers by name: for each tensor that is made by rows, its layers."""
        panels = {tensor.name for tensor in self.report.tensors if tensor.pixels is not None}
        stages: dict[str, Layers] = {}
        pending: Layers = ()
        for node in self.graph.nodes:
            index = within.get(node.name)
            if index is None or not self.report.layers[index].kernel:
                continue
            pending = (*pending, index)
            if node.output not in panels:
                stages[node.output] = pending
                pending = ()
        return stages


def code_bytes(attribution: Attribution, code: CodeMap) -> dict[Layers, int]:
    """Bytes of machine code by layer; a clone of a kernel is the layer's that alone calls it.

    What several layers share, and what works for none, is under the empty key.
    """
    callers: dict[int, set[Layers]] = {}
    for at, target in code.calls.items():
        within = code.at(at)
        called = code.at(target)
        if within is not None and within.owner and called is not None:
            layers = attribution.layers(within.owner, called.kernel)
            callers.setdefault(called.function, set()).add(layers)
    sizes: dict[Layers, int] = {}
    for part in code.ranges:
        if part.owner:
            layers = attribution.layers(part.owner, part.kernel)
        else:
            users = callers.get(part.function, set())
            layers = next(iter(users)) if len(users) == 1 else ()
        sizes[layers] = sizes.get(layers, 0) + part.end - part.start
    return sizes
