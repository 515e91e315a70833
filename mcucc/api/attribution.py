"""Which layer a function of the generated code works for, as the report says.

A layer on its own is a function of its own; in a segment a stage is one, within which other layers
may run whose outputs are panels of pixels. The functions of segments and the run function itself
work for no layer.
"""

from dataclasses import dataclass
from functools import cached_property

from mcucc.build.ranges import CodeMap
from mcucc.report import Report

Layers = tuple[int, ...]
"""Indices of layers in the report. More than one: what runs for which of them is not told apart."""


@dataclass(frozen=True)
class Attribution:
    """Functions of a compiled network, by what they do."""

    report: Report

    @property
    def owners(self) -> tuple[str, ...]:
        """Every function that is part of the plan; the first is where a run begins."""
        run = f"{self.report.name}_{self.report.run_function}"
        return (run, *(function for step in self.report.steps for function in step.functions))

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
        """By function, the layers that run within it, its own last: it reads what others make."""
        owners: dict[str, Layers] = {}
        for layer in self.report.layers:
            if layer.function:
                owners[layer.function] = (*owners.get(layer.function, ()), layer.index)
        return owners


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
