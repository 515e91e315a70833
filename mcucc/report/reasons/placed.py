"""The layers of a plan by their numbers in the report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from mcucc.ops import Int8Node
from mcucc.schedule import MemoryPlan, Step


@dataclass(frozen=True)
class PlacedLayer:
    """A layer: its number in the report, and the step that executes it."""

    index: int
    step: int
    within: Step
    node: Int8Node


def placed_layers(plan: MemoryPlan) -> Iterator[PlacedLayer]:
    """The layers in the order of execution, as the report numbers them."""
    pairs = ((i, step, node) for i, step in enumerate(plan.schedule.steps) for node in step.nodes)
    for index, (i, step, node) in enumerate(pairs):
        yield PlacedLayer(index, i, step, node)


@dataclass(frozen=True)
class Survivors:
    """What is left of the nodes of an ONNX file.

    Attributes:
        layers: of the plan.
    """

    layers: tuple[PlacedLayer, ...]

    def index_of(self, name: str, origin: tuple[str, ...]) -> int | None:
        """The layer that a node became, or was taken up by; None if nothing is left of it.

        Args:
            name: of the node when it was spoken of.
            origin: the ONNX nodes that it came from.
        """
        if name in self._by_name:
            return self._by_name[name]
        wanted = set(origin)
        found = {i for each in origin for i in self._by_origin.get(each, ())}

        def likeness(index: int) -> tuple[int, int]:
            return len(wanted & set(self.layers[index].node.origin)), -index

        return max(found, key=likeness, default=None)

    @cached_property
    def _by_name(self) -> Mapping[str, int]:
        return {layer.node.name: layer.index for layer in self.layers}

    @cached_property
    def _by_origin(self) -> Mapping[str, tuple[int, ...]]:
        found: dict[str, list[int]] = {}
        for layer in self.layers:
            for name in layer.node.origin:
                found.setdefault(name, []).append(layer.index)
        return {name: tuple(indices) for name, indices in found.items()}
