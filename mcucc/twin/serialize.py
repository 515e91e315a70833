"""Writes a model as the bytes of a `.tflite` file.

The same model has the same tables. Their bytes depend on the version of flatbuffers.
"""

from collections.abc import Sequence

import tflite
from flatbuffers import Builder

from mcucc.twin.model import Code, TwinModel, TwinOperator, TwinTensor
from mcucc.twin.options import TENSOR_TYPES, int32_vector

_SCHEMA_VERSION = 3
_IDENTIFIER = b"TFL3"
_DATA_ALIGNMENT = 16
_LAST_SHORT_CODE = 127
"""Operator numbers up to this one stand in the old, one-byte field as well."""


def serialize(model: TwinModel) -> bytes:
    """The file's bytes; data of constants is aligned to 16 bytes from its start."""
    b = Builder(1024)
    buffers = _buffers(b, model.tensors)
    codes = sorted({op.code for op in model.operators})
    code_table = _offsets(b, [_operator_code(b, code) for code in codes])
    subgraphs = _offsets(b, [_subgraph(b, model, codes)])
    description = b.CreateString("mcucc")
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, _SCHEMA_VERSION)
    tflite.ModelAddOperatorCodes(b, code_table)
    tflite.ModelAddSubgraphs(b, subgraphs)
    tflite.ModelAddDescription(b, description)
    tflite.ModelAddBuffers(b, buffers)
    b.Finish(tflite.ModelEnd(b), _IDENTIFIER)
    return bytes(b.Output())


def _buffers(b: Builder, tensors: Sequence[TwinTensor]) -> int:
    """Buffer 0, empty, for all values; then one per constant in the order of the tensors."""
    constants = [tensor.data for tensor in tensors if tensor.data is not None]
    return _offsets(b, [_buffer(b, data) for data in (b"", *constants)])


def _buffer(b: Builder, data: bytes) -> int:
    vector = 0
    if data:
        b.Prep(_DATA_ALIGNMENT, len(data))
        vector = b.CreateByteVector(data)
    tflite.BufferStart(b)
    if data:
        tflite.BufferAddData(b, vector)
    return tflite.BufferEnd(b)


def _operator_code(b: Builder, code: Code) -> int:
    custom = b.CreateString(code.custom) if code.custom else 0
    tflite.OperatorCodeStart(b)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(code.number, _LAST_SHORT_CODE))
    if custom:
        tflite.OperatorCodeAddCustomCode(b, custom)
    tflite.OperatorCodeAddVersion(b, code.version)
    tflite.OperatorCodeAddBuiltinCode(b, code.number)
    return tflite.OperatorCodeEnd(b)


def _subgraph(b: Builder, model: TwinModel, codes: Sequence[Code]) -> int:
    tensors = _offsets(b, _tensors(b, model.tensors))
    operators = _offsets(b, [_operator(b, op, codes) for op in model.operators])
    inputs, outputs = int32_vector(b, model.inputs), int32_vector(b, model.outputs)
    name = b.CreateString(model.name)
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensors)
    tflite.SubGraphAddInputs(b, inputs)
    tflite.SubGraphAddOutputs(b, outputs)
    tflite.SubGraphAddOperators(b, operators)
    tflite.SubGraphAddName(b, name)
    return tflite.SubGraphEnd(b)


def _tensors(b: Builder, tensors: Sequence[TwinTensor]) -> list[int]:
    offsets: list[int] = []
    constants = 0
    for tensor in tensors:
        constants += tensor.data is not None
        offsets.append(_tensor(b, tensor, constants if tensor.data is not None else 0))
    return offsets


def _tensor(b: Builder, tensor: TwinTensor, buffer: int) -> int:
    name = b.CreateString(tensor.name)
    shape = int32_vector(b, tensor.shape)
    quantization = _quantization(b, tensor)
    tflite.TensorStart(b)
    tflite.TensorAddShape(b, shape)
    tflite.TensorAddType(b, TENSOR_TYPES[tensor.dtype])
    tflite.TensorAddBuffer(b, buffer)
    tflite.TensorAddName(b, name)
    tflite.TensorAddQuantization(b, quantization)
    return tflite.TensorEnd(b)


def _quantization(b: Builder, tensor: TwinTensor) -> int:
    scales, zero_points = 0, 0
    if tensor.scales:
        b.StartVector(4, len(tensor.scales), 4)
        for scale in reversed(tensor.scales):
            b.PrependFloat32(scale)
        scales = b.EndVector()
        b.StartVector(8, len(tensor.scales), 8)
        for _ in tensor.scales:
            b.PrependInt64(tensor.zero_point)
        zero_points = b.EndVector()
    tflite.QuantizationParametersStart(b)
    if tensor.scales:
        tflite.QuantizationParametersAddScale(b, scales)
        tflite.QuantizationParametersAddZeroPoint(b, zero_points)
        tflite.QuantizationParametersAddQuantizedDimension(b, tensor.axis)
    return tflite.QuantizationParametersEnd(b)


def _operator(b: Builder, op: TwinOperator, codes: Sequence[Code]) -> int:
    options = op.options.write(b)
    custom = b.CreateByteVector(op.options.custom) if op.options.custom else 0
    inputs, outputs = int32_vector(b, op.inputs), int32_vector(b, [op.output, *op.more])
    tflite.OperatorStart(b)
    tflite.OperatorAddOpcodeIndex(b, codes.index(op.code))
    tflite.OperatorAddInputs(b, inputs)
    tflite.OperatorAddOutputs(b, outputs)
    tflite.OperatorAddBuiltinOptionsType(b, op.options.kind)
    tflite.OperatorAddBuiltinOptions(b, options)
    if custom:
        tflite.OperatorAddCustomOptions(b, custom)
    return tflite.OperatorEnd(b)


def _offsets(b: Builder, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return b.EndVector()
