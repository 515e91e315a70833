"""Forms of quantized networks that mcucc does not take, and what to export instead."""

import re

from mcucc.importer.file.reader import OnnxNode
from mcucc.importer.values import RefusalError

_STATIC = (
    "Quantize statically with calibration data, for example with "
    "onnxruntime.quantization.quantize_static (QuantFormat.QDQ)."
)
_DIALECTS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"\.(Quant|IntQuant|BipolarQuant|FloatQuant|Trunc)$"),
        "QONNX's quantizers are not ONNX's",
        "Export from Brevitas in QDQ form (export_onnx_qcdq), or convert with qonnx to QCDQ.",
    ),
    (
        re.compile(r"(^|\.)Dynamic(QuantizeLinear|QuantizeMatMul|QuantizeLSTM)$"),
        "scales must be known when the network is compiled, not measured while it runs",
        _STATIC,
    ),
    (
        re.compile(r"(^|\.)(ConvInteger|MatMulInteger|MatMulIntegerToFloat)$"),
        "integer operators without scales come from dynamic quantization",
        _STATIC,
    ),
    (
        re.compile(r"(^|\.)(MatMulNBits|MatMulBnb4|MatMulFpQ4)$"),
        "weights must be int8: mcucc has no weights of 4 bits or in blocks",
        "Quantize weights to QInt8, per channel or per tensor.",
    ),
)


def dialect_refusal(node: OnnxNode, known: tuple[str, ...]) -> RefusalError:
    """Why an operator is not taken, and what to export instead.

    Args:
        node: with an operator that is not known.
        known: operators that are.
    """
    for pattern, rule, hint in _DIALECTS:
        if pattern.search(node.op):
            return RefusalError(node, rule, f"operator {node.op}", hint)
    return RefusalError(
        node,
        "the operator must be one that mcucc knows in a quantized network",
        f"operator {node.op}",
        f"Known: {', '.join(sorted(known))}.",
    )
