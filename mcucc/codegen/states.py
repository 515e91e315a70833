"""What runs hand on to each other, as C: where it lies, and what the first run finds."""

from collections.abc import Iterator, Mapping

import numpy as np

from mcucc.codegen.arena_refs import TensorRef
from mcucc.codegen.program import StateDef
from mcucc.kernels.literals import int_rows
from mcucc.kernels.use import ArrayDef
from mcucc.ops import Int8Graph


def state_defs(graph: Int8Graph, refs: Mapping[str, TensorRef]) -> tuple[StateDef, ...]:
    """The states of a network.

    Args:
        graph: names them.
        refs: where they lie, by name in the graph.
    """
    return tuple(
        StateDef(
            name=state.name,
            tensor=refs[state.source],
            zero_point=graph.tensors[state.source].q.zero_point,
            array="" if state.initial is None else f"{graph.name}_{_array(refs[state.source])}",
        )
        for state in graph.states
    )


def state_arrays(graph: Int8Graph, refs: Mapping[str, TensorRef]) -> Iterator[ArrayDef]:
    """The constants that states begin with, where that is not zero."""
    for state in graph.states:
        if state.initial is not None:
            values = graph.const(state.initial).data.astype(np.int64).ravel()
            name = _array(refs[state.source])
            comment = "what the first run finds"
            yield ArrayDef(name, "int8_t", values.size, int_rows(values, 16), comment)


def _array(tensor: TensorRef) -> str:
    return f"{tensor.ident}_initial"
