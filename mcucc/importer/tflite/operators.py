"""The operators of TensorFlow Lite that are taken, and what to do instead of others."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from mcucc.importer.tflite import elementwise, index, movement, resize, weights, windows
from mcucc.importer.tflite.draft import Draft, RefusedOperatorError, described
from mcucc.importer.tflite.model import ABSENT, Tensor

RULES: Mapping[str, Callable[[Draft], None]] = MappingProxyType(
    {
        **elementwise.RULES,
        **index.RULES,
        **movement.RULES,
        **resize.RULES,
        **weights.RULES,
        **windows.RULES,
    }
)
"""What translates an operator."""

READ_FOR_VALUES: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("EXPAND_DIMS", "RESHAPE", "SQUEEZE"), 1)
)
"""How many inputs of an operator matter, where the others only say a shape, which the file gives
the output anyway: what computes such a shape is left out."""

_RECURRENT = (
    "mcucc has no recurrent layers: train with convolutions over time in their place (a temporal "
    "convolutional network or DS-CNN)."
)
_BEHIND = "Leave what comes behind the network to your program."
_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "BIDIRECTIONAL_SEQUENCE_LSTM",
                "LSTM",
                "RNN",
                "SVDF",
                "UNIDIRECTIONAL_SEQUENCE_LSTM",
                "UNIDIRECTIONAL_SEQUENCE_RNN",
            ),
            _RECURRENT,
        ),
        "NON_MAX_SUPPRESSION_V4": _BEHIND,
        "DENSIFY": (
            "Convert the pruned network without sparse weights: tfmot.sparsity.keras.strip_pruning,"
            " and no EXPERIMENTAL_SPARSITY among converter.optimizations."
        ),
    }
)


def unknown_operator(code: str) -> RefusedOperatorError:
    """Why an operator is not taken, and what to do instead."""
    if code.startswith("CUSTOM "):
        hint = "It is somebody's own, and only its maker's runtime has it: " + _BEHIND[0].lower()
        hint += _BEHIND[1:]
    else:
        hint = _ADVICE.get(
            code, "Train with operators that mcucc knows in its place: `mcucc ops` lists them."
        )
    return RefusedOperatorError(
        "the operator must be one that mcucc knows", f"operator {code}", hint
    )


def check_types(draft: Draft) -> None:
    """Refuse element types that no kernel has, whatever the operator.

    Raises:
        RefusedOperatorError: an activation is neither int8 nor float32; uint8 counts where it is
            quantized or dequantized alone.
    """
    operator, tensors = draft.operator, draft.file.tensors
    places = operator.inputs[: READ_FOR_VALUES.get(operator.code)]
    values = [tensors[i] for i in places if i != ABSENT and draft.known(tensors[i]) is None]
    for tensor in (*values, *(tensors[i] for i in operator.outputs)):
        if not (tensor.dtype in ("INT32", "INT64") and _is_index(draft, tensor.index)):
            _check_type(operator.code, tensor)
    sparse = next((tensors[i] for i in operator.inputs if i != ABSENT and tensors[i].sparse), None)
    if sparse is not None:
        raise RefusedOperatorError(
            "constants must not be sparse", described(sparse), _ADVICE["DENSIFY"]
        )


def _is_index(draft: Draft, place: int) -> bool:
    """Whether a tensor holds what ARG_MAX or ARG_MIN makes, renamed or not."""
    makers = {made: each for each in draft.file.operators for made in each.outputs}
    maker = makers.get(place)
    while maker is not None and maker.code in (*READ_FOR_VALUES, "CAST"):
        maker = makers.get(maker.inputs[0]) if maker.inputs else None
    return maker is not None and maker.code in index.RULES


def _check_type(code: str, tensor: Tensor) -> None:
    allowed = ("INT8", "FLOAT32")
    if code in ("QUANTIZE", "DEQUANTIZE"):
        allowed = ("INT8", "FLOAT32", "UINT8")
    if code == "DEQUANTIZE" and tensor.data is not None:
        return
    if tensor.dtype in allowed:
        return
    rule, hint = "activations must be int8 or float32", "Convert the network again."
    if tensor.dtype == "UINT8":
        rule = "activations must be int8: uint8 operators are TensorFlow 1's quantization"
        hint = (
            "Convert the float network with TensorFlow 2 and full integer quantization "
            "(converter.representative_dataset)."
        )
    elif tensor.dtype == "INT16":
        rule = "activations must be int8: mcucc has no 16x8 quantization yet"
        hint = "Convert with tf.lite.OpsSet.TFLITE_BUILTINS_INT8 (8x8)."
    raise RefusedOperatorError(rule, described(tensor), hint)
