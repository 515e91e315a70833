"""Half-precision files as float32 ones: the same numbers, and arithmetic that rounds less."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import AttributeValue, OnnxModel, OnnxNode, OnnxPort

_HALF = ("float16", "bfloat16")
_FLOAT, _HALF_TYPES = 1, (10, 16)
"""As ONNX numbers element types."""


def widened(model: OnnxModel) -> OnnxModel:
    """The model with float32 in place of float16 and bfloat16: ports, constants and casts.

    Args:
        model: as in the file.
    """
    return replace(
        model,
        inputs=tuple(_port(port) for port in model.inputs),
        outputs=tuple(_port(port) for port in model.outputs),
        nodes=tuple(_node(node) for node in model.nodes),
        constants={name: _array(data) for name, data in model.constants.items()},
    )


def _port(port: OnnxPort) -> OnnxPort:
    return replace(port, dtype="float32") if port.dtype in _HALF else port


def _array(data: NDArray[np.generic]) -> NDArray[np.generic]:
    return data.astype(np.float32) if data.dtype.name in _HALF else data


def _node(node: OnnxNode) -> OnnxNode:
    attributes: Mapping[str, AttributeValue] = {
        name: _attribute(name, value) for name, value in node.attributes.items()
    }
    return replace(node, attributes=attributes)


def _attribute(name: str, value: AttributeValue) -> AttributeValue:
    if isinstance(value, np.ndarray):
        return _array(value)
    return _FLOAT if name in ("to", "dtype") and value in _HALF_TYPES else value
