"""Passes that make work for each other."""

from collections.abc import Iterator
from dataclasses import dataclass

from mcucc.ops import FloatGraph, FloatNode
from mcucc.passes.base import FloatPass


@dataclass(frozen=True)
class Together(FloatPass):
    """Runs several passes as one, until none of them finds anything.

    A pass comes to its turn only where those before it find nothing in the whole graph. What all
    decline is declined with the reasons of each.

    Attributes:
        name: of the group.
        passes: the first one goes first.
    """

    name: str
    passes: tuple[FloatPass, ...]

    def pattern(self, graph: FloatGraph) -> Iterator[FloatNode]:
        """What any of the passes would like to rewrite; what the first one takes comes first."""
        turn = {node.name: len(self.passes) for each in self.passes for node in each.pattern(graph)}
        for index, each in reversed(tuple(enumerate(self.passes))):
            takes = (node for node in each.pattern(graph) if each.check(graph, node) is None)
            turn.update((node.name, index) for node in takes)
        found = (node for node in graph.nodes if node.name in turn)
        return iter(sorted(found, key=lambda node: turn[node.name]))

    def check(self, graph: FloatGraph, node: FloatNode) -> str | None:
        """Every pass's reason, None if one has none."""
        reasons: list[str] = []
        for each in self._wanting(graph, node):
            reason = each.check(graph, node)
            if reason is None:
                return None
            reasons.append(f"{each.name}: {reason}")
        return "; ".join(reasons)

    def rewrite(self, graph: FloatGraph, node: FloatNode) -> FloatGraph:
        """As the first pass that does not decline."""
        return self.acting(graph, node).rewrite(graph, node)

    def acting(self, graph: FloatGraph, node: FloatNode) -> FloatPass:
        """The first pass that does not decline."""
        return next(each for each in self._wanting(graph, node) if not each.check(graph, node))

    def refusals(
        self, graph: FloatGraph, node: FloatNode
    ) -> Iterator[tuple[FloatPass, str | None]]:
        """Every pass with its own reason."""
        return ((each, each.check(graph, node)) for each in self._wanting(graph, node))

    def _wanting(self, graph: FloatGraph, node: FloatNode) -> Iterator[FloatPass]:
        return (each for each in self.passes if node in tuple(each.pattern(graph)))
