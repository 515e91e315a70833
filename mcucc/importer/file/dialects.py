"""Operators that mcucc does not take, and what to do instead."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from mcucc.errors import Violation
from mcucc.importer.file.cutting import cut_advice
from mcucc.importer.file.fold import live_nodes
from mcucc.importer.file.reader import OnnxModel, OnnxNode
from mcucc.importer.values import RefusalError

_STATIC = (
    "Quantize statically with calibration data, for example with "
    "onnxruntime.quantization.quantize_static (QuantFormat.QDQ), or give the float model with "
    "--calib."
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

_SCIKIT = (
    "ai.onnx.ml holds scikit-learn's operators, and mcucc compiles neural networks: leave what is "
    "before and behind the network to your program (zipmap=False and float32 inputs for skl2onnx)."
)
_FAMILIES: tuple[tuple[str, str], ...] = (
    (
        (
            "NonMaxSuppression NonZero Unique Compress Hardmax OneHot GatherND ScatterND "
            "ScatterElements CumSum RoiAlign GridSample Range"
        ),
        "Leave what comes behind the network to your program.",
    ),
    (
        "LSTM GRU RNN",
        (
            "mcucc has no recurrent layers: train with convolutions over time in their place (a "
            "temporal convolutional network or DS-CNN)."
        ),
    ),
    (
        "Attention MultiHeadAttention RotaryEmbedding LinearAttention GroupQueryAttention Einsum",
        "mcucc has no attention and no products of two activations: train a convolutional network.",
    ),
    (
        (
            "LayerNormalization InstanceNormalization GroupNormalization RMSNormalization "
            "LpNormalization MeanVarianceNormalization SkipLayerNormalization LRN"
        ),
        "Train with BatchNormalization in its place: it is folded into the weights.",
    ),
    (
        ("FastGelu BiasGelu Swish Shrink SwiGLU"),
        "Train with Relu, LeakyRelu, HardSwish or Sigmoid in its place.",
    ),
    (
        "MaxUnpool",
        "Train with a Resize (nearest) followed by a Conv in its place.",
    ),
    (
        "If Loop Scan",
        "Export without control flow: trace the network with an input of its shape.",
    ),
    (
        "RandomNormal RandomNormalLike RandomUniform RandomUniformLike Bernoulli Multinomial",
        "Export the network for inference: model.eval().",
    ),
    (
        "ReduceProd ReduceLogSum ReduceLogSumExp",
        "Take ReduceMean or a pool in its place.",
    ),
    (
        "DFT STFT MelWeightMatrix HannWindow",
        "Leave the features to your program, and train on features.",
    ),
)
ADVICE: Mapping[str, str] = MappingProxyType(
    {op: advice for ops, advice in _FAMILIES for op in ops.split()}
)
"""What to do in place of an operator, by its name; asked only for those that are not taken."""


def is_dialect(op: str) -> bool:
    """Whether an operator is of a form of quantization that mcucc does not take."""
    return any(pattern.search(op) for pattern, _, _ in _DIALECTS)


def demand_known(model: OnnxModel, node: OnnxNode, known: Collection[str]) -> None:
    """Refuse an operator that is not known, or that a newer operator set has changed.

    Args:
        model: has the node.
        node: any.
        known: operators that are known.

    Raises:
        RefusalError: says what to do instead.
    """
    if node.op not in known:
        raise unknown_operator(model, node)
    if node.op in model.newer:
        raise RefusalError(
            node,
            "the operator must mean what it did when this version of mcucc was made",
            f"operator {node.op} of set {model.newer[node.op]}, in a model of set {model.opset}",
            "Export the model again with operator set 23, or update mcucc.",
        )


def demand_inference(model: OnnxModel, node: OnnxNode) -> None:
    """Refuse a Dropout or BatchNormalization that is left in training mode.

    Raises:
        RefusalError: it is.
    """
    said = node.inputs[2] if node.op == "Dropout" and len(node.inputs) > 2 else ""
    data = model.constants.get(said)
    drops = said and (data is None or bool(data.any()))
    if drops or (node.op == "BatchNormalization" and node.int("training_mode", 0)):
        raise RefusalError(
            node,
            f"{node.op} must not be in training mode",
            f"training_mode is {'computed' if said and data is None else 'true'}",
            "Export the network for inference: model.eval() before torch.onnx.export.",
        )


def unknown_operators(model: OnnxModel, known: Collection[str]) -> tuple[Violation, ...]:
    """The violations of all operators that are not known and that an output needs."""
    wanted = {port.name for port in model.outputs}
    return tuple(
        model.refused.get(node.name) or unknown_operator(model, node).violation
        for node in live_nodes(model.nodes, wanted)
        if node.op not in known
    )


def unknown_operator(model: OnnxModel, node: OnnxNode) -> RefusalError:
    """Why an operator is not taken, and what to do instead."""
    for pattern, rule, hint in _DIALECTS:
        if pattern.search(node.op):
            return RefusalError(node, rule, f"operator {node.op}", hint)
    return RefusalError(
        node,
        "the operator must be one that mcucc knows",
        f"operator {node.op}",
        f"{_advice(node.op)} {cut_advice(model, node)}".strip(),
    )


def _advice(op: str) -> str:
    domain, _, name = op.rpartition(".")
    if domain == "ai.onnx.ml":
        return _SCIKIT
    if name in ADVICE:
        return ADVICE[name]
    if domain == "com.microsoft":
        return (
            "ONNX Runtime's optimizer writes such operators: give the model from before it, or "
            "save it with graph_optimization_level=ORT_DISABLE_ALL."
        )
    if domain:
        return f"Export the model without the operators of '{domain}'."
    return "Train or export with operators that mcucc knows in its place: `mcucc ops` lists them."
