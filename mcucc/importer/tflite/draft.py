"""A network in the making: the importer's nodes for the operators of a `.tflite` file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from mcucc.importer.file.reader import AttributeValue, OnnxNode
from mcucc.importer.layout.layout_walk import fresh
from mcucc.importer.tflite.model import ABSENT, Operator, Tensor, TfliteModel
from mcucc.importer.tflite.variables import Variables

_ACTIVATIONS: Mapping[int, tuple[str, tuple[float, float] | None]] = {
    1: ("Relu", None),
    2: ("Clip", (-1.0, 1.0)),
    3: ("Clip", (0.0, 6.0)),
}
"""Operator and bounds of the schema's fused activations; 0 is none."""


class RefusedOperatorError(Exception):
    """Raised by a rule: (rule, actual, hint)."""


@dataclass
class Draft:
    """What the rules of operators read, and write.

    A quantized tensor has two values: its integers, which bear its name, and the reals that they
    stand for, behind a DequantizeLinear. A float tensor has one.

    Attributes:
        file: that is translated.
        names: of the value of each tensor.
        nodes: so far.
        constants: so far, by name.
        computed: constants that an operator makes of constants, by index of the tensor.
        operator: that is being translated.
        variables: of the network.
    """

    file: TfliteModel
    names: Sequence[str]
    taken: set[str]
    nodes: list[OnnxNode] = field(default_factory=list[OnnxNode])
    constants: dict[str, NDArray[np.generic]] = field(
        default_factory=dict[str, NDArray[np.generic]]
    )
    computed: dict[int, NDArray[np.generic]] = field(default_factory=dict[int, NDArray[np.generic]])
    operator: Operator = field(default_factory=lambda: Operator(0, "", (), (), None))
    variables: Variables = field(default_factory=Variables)
    _reals: dict[int, str] = field(default_factory=dict[int, str])
    _scales: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])

    # Reading.

    @property
    def label(self) -> str:
        """What the operator is called, in messages and as the origin of layers."""
        return label_of(self.operator)

    def has(self, place: int) -> bool:
        """Whether an input is given."""
        return place < len(self.operator.inputs) and self.operator.inputs[place] != ABSENT

    def input(self, place: int) -> Tensor:
        """An input of the operator."""
        if not self.has(place):
            raise RefusedOperatorError(
                f"input {place} must be given", "it is left out", "Convert the network again."
            )
        return self.file.tensors[self.operator.inputs[place]]

    @property
    def output(self) -> Tensor:
        """The first output of the operator."""
        return self.file.tensors[self.operator.outputs[0]]

    def known(self, tensor: Tensor) -> NDArray[np.generic] | None:
        """The elements of a constant, None for a value."""
        return self.computed.get(tensor.index, tensor.data)

    def integers(self, place: int, what: str) -> tuple[int, ...]:
        """An input that must be constant integers, flat."""
        data = self.known(self.input(place))
        if data is None or data.dtype.kind not in "iu":
            raise RefusedOperatorError(
                f"{what} must be constant integers",
                f"input {place} is {described(self.input(place))}",
                "Convert the network with a fixed input shape.",
            )
        return tuple(int(value) for value in data.ravel())

    def option(self, number: int, form: str = "<i", default: int = 0) -> int:
        """An attribute that is an integer, by the number of its field."""
        options = self.operator.options
        return default if options is None else options.integer(number, form, default)

    def flag(self, number: int) -> int:
        """An attribute of one byte: a choice, or whether something is so."""
        return self.option(number, "<b")

    # Writing.

    def constant(self, base: str, data: NDArray[np.generic]) -> str:
        """Add a constant; its name is `base` or close to it."""
        name = fresh(base, self.taken)
        self.constants[name] = data
        return name

    def emit(
        self,
        op: str,
        inputs: Sequence[str],
        attributes: Mapping[str, AttributeValue] | None = None,
        *,
        suffix: str = "",
    ) -> str:
        """Append a node of the operator; returns the name of its value.

        Args:
            op: of ONNX.
            inputs: names of values and constants; "" for one that is left out.
            attributes: of the node.
            suffix: what tells this node from the main one of the operator, which has none.
        """
        label = f"{self.label}.{suffix}" if suffix else self.label
        made = fresh(f"{self.names[self.output.index]}.{suffix or 'made'}", self.taken)
        self.append(op, label, inputs, made, attributes or {})
        return made

    def append(
        self,
        op: str,
        label: str,
        inputs: Sequence[str],
        made: str | Sequence[str],
        attributes: Mapping[str, AttributeValue],
    ) -> None:
        """Append a node with a name and a result of one's own choice, or several."""
        name = fresh(f"node {label}", self.taken).removeprefix("node ")
        outputs = (made,) if isinstance(made, str) else tuple(made)
        self.nodes.append(OnnxNode(op, name, tuple(inputs), outputs, dict(attributes)))

    def value(self, tensor: Tensor) -> str:
        """A tensor as it is in the file: integers, or floats; a constant too."""
        data = self.known(tensor)
        name = self.names[tensor.index]
        if data is not None:
            self.constants[name] = data
        return name

    def reals(self, tensor: Tensor) -> str:
        """The reals that a tensor stands for."""
        if tensor.quant is None:
            return self.value(tensor)
        if tensor.index not in self._reals:
            name = self.names[tensor.index]
            made = fresh(f"{name}.reals", self.taken)
            self.append("DequantizeLinear", made, self.scaled(self.value(tensor), tensor), made, {})
            self._reals[tensor.index] = made
        return self._reals[tensor.index]

    def scaled(self, value: str, tensor: Tensor) -> tuple[str, str, str]:
        """A value with scale and zero point of an activation: inputs of Quantize-, Dequantize-."""
        if tensor.index not in self._scales:
            scale, zero_point = quantization(tensor)
            name = self.names[tensor.index]
            stored = np.uint8 if tensor.dtype == "UINT8" else np.int8
            self._scales[tensor.index] = (
                self.constant(f"{name}.scale", np.array(scale, dtype=np.float32)),
                self.constant(f"{name}.zero_point", np.array(zero_point).astype(stored)),
            )
        return (value, *self._scales[tensor.index])

    def finish(self, value: str, activation: int = 0) -> None:
        """Make a value the first output of the operator: activated, then quantized.

        Args:
            value: reals in the layout of the file.
            activation: as the schema numbers them.
        """
        if activation:
            value = self._activated(value, activation)
        if self.output.quant is None:
            self.give(value, self.output)
            return
        name = self.names[self.output.index]
        inputs = self.scaled(value, self.output)
        self.append("QuantizeLinear", f"{self.label}.quantize", inputs, name, {})

    def _activated(self, value: str, activation: int) -> str:
        if activation not in _ACTIVATIONS:
            raise RefusedOperatorError(
                "its fused activation must be RELU, RELU6 or RELU_N1_TO_1",
                f"activation {activation} of the schema",
                "Put the activation behind the layer.",
            )
        op, bounds = _ACTIVATIONS[activation]
        inputs = [value]
        for end, bound in zip(("min", "max"), bounds or (), strict=False):
            inputs.append(self.constant(f"{self.label}.{end}", np.array(bound, dtype=np.float32)))
        return self.emit(op, inputs, suffix="activation")

    def give(self, value: str, tensor: Tensor) -> None:
        """Give the value of the last node, or any other, the name of a tensor."""
        name = self.names[tensor.index]
        if self.nodes and self.nodes[-1].outputs == (value,):
            self.nodes[-1] = replace(self.nodes[-1], outputs=(name,))
        else:
            self.append("Identity", f"{self.label}.copy", (value,), name, {})

    def reshaped(self, value: str, shape: Sequence[int], suffix: str = "reshape") -> str:
        """A value under another shape."""
        target = self.constant(f"{self.label}.shape", np.array(shape, dtype=np.int64))
        return self.emit("Reshape", (value, target), suffix=suffix)

    def channels_first(self, value: str) -> str:
        """A map [1, H, W, C] as [1, C, H, W]."""
        return self.emit("Transpose", (value,), {"perm": (0, 3, 1, 2)}, suffix="nchw")

    def channels_last(self, value: str) -> str:
        """A map [1, C, H, W] as [1, H, W, C]."""
        return self.emit("Transpose", (value,), {"perm": (0, 2, 3, 1)}, suffix="nhwc")


def label_of(operator: Operator) -> str:
    """What an operator is called: its kind and its place in the file."""
    return f"{operator.code.replace(' ', '_')}_{operator.index}"


def quantization(tensor: Tensor) -> tuple[float, int]:
    """Scale and zero point of an activation.

    Raises:
        RefusedOperatorError: it has none, or several.
    """
    quant = tensor.quant
    if quant is None or quant.scales.size != 1:
        count = 0 if quant is None else quant.scales.size
        raise RefusedOperatorError(
            "an activation must have one scale",
            f"{described(tensor)} has {count}",
            "Convert the network with full integer quantization.",
        )
    return float(quant.scales[0]), int(quant.zero_points[0]) if quant.zero_points.size else 0


def demand_equal_scales(draft: Draft, *tensors: Tensor) -> None:
    """Refuse an operator that copies integers to another scale, as TFLM then would silently."""
    wanted = draft.output
    for tensor in tensors:
        if (tensor.quant is None) != (wanted.quant is None) or (
            wanted.quant is not None and quantization(tensor) != quantization(wanted)
        ):
            raise RefusedOperatorError(
                "its input and its output must have one scale and zero point",
                f"{described(tensor)} and {described(wanted)}",
                "Convert the network again: the converter makes them equal.",
            )


def demand_map(draft: Draft) -> None:
    """Refuse an operator whose first input is no map."""
    if len(draft.input(0).shape) != 4:
        raise RefusedOperatorError(
            "its input must be a map [1, H, W, C]",
            described(draft.input(0)),
            "Convert the network again.",
        )


def described(tensor: Tensor) -> str:
    """A tensor, for a message."""
    kind = "constant " if tensor.data is not None else ""
    scale = ""
    if tensor.quant is not None and tensor.quant.scales.size == 1:
        scale = f" at scale {float(tensor.quant.scales[0]):.6g}"
    return (
        f"tensor {tensor.index} '{tensor.name}' ({kind}{tensor.dtype}{list(tensor.shape)}{scale})"
    )
