"""Small `.tflite` files with variables, written table by table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import flatbuffers
import numpy as np
import tflite

from mcucc.twin.options import int32_vector

schema = cast("Any", tflite)
SCALE, ZERO_POINT = 0.5, 3
SHAPE = (1, 4)


@dataclass(frozen=True)
class Op:
    """An operator: its code, tensors by name, and what its options say."""

    code: str
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    variable: str = ""
    subgraph: int = 0


@dataclass(frozen=True)
class Part:
    """A subgraph: operators, ports, and constants and scales that differ from the usual."""

    operators: tuple[Op, ...]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    constants: tuple[tuple[str, tuple[int, ...]], ...] = ()
    scales: tuple[tuple[str, float], ...] = ()


def accumulator(initial: tuple[int, ...] | None = None, *, assigned: str = "sum") -> bytes:
    """What comes is added to a variable; its sum is put out, and left.

    Args:
        initial: what a CALL_ONCE assigns; None for no CALL_ONCE.
        assigned: what is assigned in the end: "sum", or "x".
    """
    once = () if initial is None else (Op("CALL_ONCE", subgraph=1),)
    main = Part(
        (
            *once,
            Op("VAR_HANDLE", (), ("handle",), "memory"),
            Op("READ_VARIABLE", ("handle",), ("old",)),
            Op("ADD", ("old", "x"), ("sum",)),
            Op("ASSIGN_VARIABLE", ("handle", assigned)),
            Op("QUANTIZE", ("sum",), ("y",)),
        ),
        ("x",),
        ("y",),
        scales=(("y", 0.25),),
    )
    begin = Part(
        (
            Op("VAR_HANDLE", (), ("handle",), "memory"),
            Op("ASSIGN_VARIABLE", ("handle", "first")),
        ),
        constants=(("first", initial or ()),),
    )
    return write(main) if initial is None else write(main, begin)


def write(*parts: Part) -> bytes:
    """A file of these subgraphs."""
    b = flatbuffers.Builder(1024)
    codes = sorted({op.code for part in parts for op in part.operators})
    constants = [data for part in parts for _, data in part.constants]
    buffers = _offsets(b, [_buffer(b, data) for data in ((), *constants)])
    table = _offsets(b, [_code(b, code) for code in codes])
    places = iter(range(1, len(constants) + 1))
    subgraphs = _offsets(
        b,
        [
            _part(b, part, codes, {name: next(places) for name, _ in part.constants})
            for part in parts
        ],
    )
    schema.ModelStart(b)
    schema.ModelAddVersion(b, 3)
    schema.ModelAddOperatorCodes(b, table)
    schema.ModelAddSubgraphs(b, subgraphs)
    schema.ModelAddBuffers(b, buffers)
    b.Finish(schema.ModelEnd(b), b"TFL3")
    return bytes(b.Output())


def _part(b: flatbuffers.Builder, part: Part, codes: list[str], constants: dict[str, int]) -> int:
    named = (name for op in part.operators for name in (*op.inputs, *op.outputs))
    names = list(dict.fromkeys((*part.inputs, *named)))
    scales = dict(part.scales)
    tensors = [_tensor(b, name, scales.get(name, SCALE), constants.get(name, 0)) for name in names]
    operators = [_operator(b, op, codes, names) for op in part.operators]
    vectors = [_offsets(b, tensors), _offsets(b, operators)]
    ports = [
        int32_vector(b, [names.index(name) for name in p]) for p in (part.inputs, part.outputs)
    ]
    schema.SubGraphStart(b)
    schema.SubGraphAddTensors(b, vectors[0])
    schema.SubGraphAddInputs(b, ports[0])
    schema.SubGraphAddOutputs(b, ports[1])
    schema.SubGraphAddOperators(b, vectors[1])
    return cast("int", schema.SubGraphEnd(b))


def _tensor(b: flatbuffers.Builder, name: str, scale: float, buffer: int) -> int:
    is_handle = name == "handle"
    text = b.CreateString(name)
    shape = int32_vector(b, () if is_handle else SHAPE)
    quant = 0 if is_handle else _quantization(b, scale)
    schema.TensorStart(b)
    schema.TensorAddShape(b, shape)
    schema.TensorAddType(b, schema.TensorType.RESOURCE if is_handle else schema.TensorType.INT8)
    schema.TensorAddBuffer(b, buffer)
    schema.TensorAddName(b, text)
    if quant:
        schema.TensorAddQuantization(b, quant)
    return cast("int", schema.TensorEnd(b))


def _quantization(b: flatbuffers.Builder, scale: float) -> int:
    b.StartVector(4, 1, 4)
    b.PrependFloat32(scale)
    scales = b.EndVector()
    b.StartVector(8, 1, 8)
    b.PrependInt64(ZERO_POINT)
    zero_points = b.EndVector()
    schema.QuantizationParametersStart(b)
    schema.QuantizationParametersAddScale(b, scales)
    schema.QuantizationParametersAddZeroPoint(b, zero_points)
    return cast("int", schema.QuantizationParametersEnd(b))


def _operator(b: flatbuffers.Builder, op: Op, codes: list[str], names: list[str]) -> int:
    kind, options = _options(b, op)
    inputs = int32_vector(b, [names.index(name) for name in op.inputs])
    outputs = int32_vector(b, [names.index(name) for name in op.outputs])
    schema.OperatorStart(b)
    schema.OperatorAddOpcodeIndex(b, codes.index(op.code))
    schema.OperatorAddInputs(b, inputs)
    schema.OperatorAddOutputs(b, outputs)
    if kind:
        schema.OperatorAddBuiltinOptionsType(b, kind)
        schema.OperatorAddBuiltinOptions(b, options)
    return cast("int", schema.OperatorEnd(b))


def _options(b: flatbuffers.Builder, op: Op) -> tuple[int, int]:
    if op.code == "VAR_HANDLE":
        name = b.CreateString(op.variable)
        schema.VarHandleOptionsStart(b)
        schema.VarHandleOptionsAddSharedName(b, name)
        return schema.BuiltinOptions.VarHandleOptions, schema.VarHandleOptionsEnd(b)
    if op.code == "CALL_ONCE":
        schema.CallOnceOptionsStart(b)
        schema.CallOnceOptionsAddInitSubgraphIndex(b, op.subgraph)
        return schema.BuiltinOptions.CallOnceOptions, schema.CallOnceOptionsEnd(b)
    if op.code == "ADD":
        schema.AddOptionsStart(b)
        return schema.BuiltinOptions.AddOptions, schema.AddOptionsEnd(b)
    return 0, 0


def _code(b: flatbuffers.Builder, code: str) -> int:
    number = getattr(schema.BuiltinOperator, code)
    schema.OperatorCodeStart(b)
    schema.OperatorCodeAddDeprecatedBuiltinCode(b, min(number, 127))
    schema.OperatorCodeAddVersion(b, 1)
    schema.OperatorCodeAddBuiltinCode(b, number)
    return cast("int", schema.OperatorCodeEnd(b))


def _buffer(b: flatbuffers.Builder, data: tuple[int, ...]) -> int:
    vector = b.CreateByteVector(np.array(data, np.int8).tobytes()) if data else 0
    schema.BufferStart(b)
    if data:
        schema.BufferAddData(b, vector)
    return cast("int", schema.BufferEnd(b))


def _offsets(b: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return b.EndVector()
