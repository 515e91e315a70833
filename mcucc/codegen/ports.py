"""Inputs and outputs as the C interface shows them: int8, uint8, or int8 with floats beside."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mcucc.codegen.arena_refs import TensorRef
from mcucc.codegen.literals import c_float
from mcucc.codegen.preprocessing import preprocessing_code
from mcucc.codegen.program import INT8, INT32, UINT8, Element, Io, PortDef, unsigned_ports
from mcucc.ir import DType, Port, QParams, TensorType
from mcucc.kernels.literals import c_macro_int
from mcucc.ops import Int8Graph
from mcucc.reference.fixed_point import quantize
from mcucc.reference.preprocessing import preprocess

Refs = Mapping[str, TensorRef]
"""Tensors by their name in the graph."""


def elements_of(io: Io) -> tuple[Element, Element]:
    """What inputs and what outputs in the arena are made of."""
    inputs, outputs = (UINT8 if unsigned else INT8 for unsigned in unsigned_ports(io))
    return inputs, outputs


def ports(
    graph: Int8Graph, of: Sequence[Port], refs: Refs, element: Element
) -> tuple[PortDef, ...]:
    """The inputs or the outputs of the interface.

    Args:
        graph: gives the quantizations.
        of: the inputs or the outputs of the graph.
        refs: where they lie.
        element: what they are made of, indices aside.
    """
    return tuple(
        _port(index, port, refs[port.tensor], graph.tensors[port.tensor], element)
        for index, port in enumerate(of)
    )


def shifted_first(graph: Int8Graph, refs: Refs, io: Io) -> tuple[TensorRef, ...]:
    """What must become int8 before the first step."""
    if not elements_of(io)[0].shift:
        return ()
    return _once(refs[port.tensor] for port in graph.inputs)


def shifted_last(
    graph: Int8Graph, refs: Refs, io: Io, *, keep_input: bool
) -> tuple[TensorRef, ...]:
    """What must become uint8 after the last step: the outputs, and inputs that are kept."""
    inputs, outputs = elements_of(io)
    kept = (
        *((p for p in graph.outputs if not is_index(graph, p)) if outputs.shift else ()),
        *(graph.inputs if inputs.shift and keep_input else ()),
    )
    return _once(refs[port.tensor] for port in kept)


def is_index(graph: Int8Graph, port: Port) -> bool:
    """Whether a port holds int32 numbers."""
    return graph.type_of(port.tensor).dtype == DType.INT32


def _once(tensors: Iterable[TensorRef]) -> tuple[TensorRef, ...]:
    """One tensor of those that are the same bytes: reshapes of each other, an input put out.

    All of them are live at the same time, so those that begin at different bytes share none.
    """
    return tuple({tensor.offset: tensor for tensor in tensors}.values())


def _port(index: int, port: Port, tensor: TensorRef, kind: TensorType, element: Element) -> PortDef:
    quant = kind.q
    element = INT32 if kind.dtype == DType.INT32 else element
    unit = "" if element is INT32 else _image_unit(port, quant)
    return PortDef(
        index,
        port.name,
        tensor,
        element,
        c_float(quant.scale),
        c_macro_int(quant.zero_point + element.shift),
        unit,
        takes_pixels=bool(unit) and element.shift != 0,
        preprocessing=preprocessing_code(port.preprocessing, port.shape, port.perm, index),
    )


def _image_unit(port: Port, quant: QParams) -> str:
    """What a uint8 pixel u stands for if q = u - 128 quantizes it exactly, else empty."""
    u = np.arange(256, dtype=np.float32).reshape(-1, *(1 for _ in port.shape[1:]))
    of = "model's input" if port.preprocessing else "real value"
    for unit, real in (
        ("u", u),
        ("u / 255", u / 255),
        ("u / 128 - 1", u / np.float32(128) - 1),
    ):
        q = quantize(preprocess(port.preprocessing, real), quant).astype(np.int64)
        if (q == u - 128).all():
            return f"the {of} {unit}"
    return ""
