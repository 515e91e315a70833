"""Float layers with weights, of every kind that bias correction tells apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import parse_graph
from mcucc.ops import FLOAT_OPS, FloatGraph
from mcucc.ops.conv import FloatConv2D, FloatDepthwiseConv2D
from tests.quant.networks import constant_lines


@dataclass(frozen=True)
class Layer:
    """A convolution of [1, height, width, in_c]; depthwise with `groups` 0."""

    name: str
    map: tuple[int, int, int]
    out_c: int
    kernel: tuple[int, int] = (3, 3)
    groups: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (1, 1, 1, 1)

    @property
    def op(self) -> FloatConv2D | FloatDepthwiseConv2D:
        kind = FloatConv2D if self.groups else FloatDepthwiseConv2D
        return kind(stride=self.stride, dilation=self.dilation, pads=self.pads)

    @property
    def weights_shape(self) -> tuple[int, int, int, int]:
        if not self.groups:
            return (1, *self.kernel, self.out_c)
        return (self.out_c, *self.kernel, self.map[2] // self.groups)

    @property
    def output_map(self) -> tuple[int, int]:
        """Height and width."""
        (height, width), pads = self.map[:2], self.pads
        taken = [d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True)]
        return (
            (height + pads[0] + pads[1] - taken[0]) // self.stride[0] + 1,
            (width + pads[2] + pads[3] - taken[1]) // self.stride[1] + 1,
        )

    def graph(self, seed: int) -> FloatGraph:
        """The layer alone, x to y, with normal random weights and biases."""
        random = np.random.default_rng(seed)
        op, shape, out = self.op, [1, *self.map], [1, *self.output_map, self.out_c]
        constants = constant_lines(
            w=random.standard_normal(self.weights_shape), b=random.standard_normal(self.out_c)
        )
        return parse_graph(
            f"""graph("net")
input("x", float32{shape}, onnx=("x", "float32", {tuple(shape)}))
{constants}
node("layer", {op!r}, ("x", "w", "b"), "y", float32{out})
output("y", onnx=("y", "float32", {tuple(out)}))
""".replace(", activation='none'", ""),
            FLOAT_OPS,
        )

    def inputs(self, seed: int, mean: float) -> NDArray[np.float32]:
        """16 samples whose channels have means of their own, near `mean`."""
        random = np.random.default_rng(seed)
        means = mean * random.uniform(0.2, 2, self.map[2])
        return (means + random.standard_normal((16, *self.map))).astype(np.float32)


LAYERS = (
    Layer("depthwise", (6, 6, 8), 8, groups=0),
    Layer("depthwise x 2, small map", (3, 3, 8), 16, groups=0),
    Layer("depthwise x 3, stride 2", (8, 8, 3), 9, groups=0, stride=(2, 2), pads=(0, 1, 0, 1)),
    Layer("depthwise, dilated", (9, 9, 6), 6, (5, 5), 0, dilation=(2, 2), pads=(4, 4, 4, 4)),
    Layer("2 groups, fewer out", (8, 8, 8), 4, groups=2),
    Layer("2 groups, more out", (8, 8, 4), 12, groups=2),
    Layer("3 groups, fewer out, stride 2", (8, 8, 12), 6, groups=3, stride=(2, 2)),
    Layer("4 groups, as many out", (8, 8, 12), 12, groups=4),
    Layer("4 groups, pointwise", (4, 4, 16), 8, (1, 1), 4, pads=(0, 0, 0, 0)),
    Layer("2 groups, small map", (3, 3, 8), 8, groups=2),
    Layer("4 groups, a dilated row", (1, 20, 8), 8, (1, 5), 4, (1, 1), (1, 2), (0, 0, 4, 4)),
    Layer("2 groups, a dilated column", (20, 1, 8), 16, (5, 1), 2, (1, 1), (2, 1), (4, 4, 0, 0)),
    Layer("ordinary, dilated", (9, 9, 6), 6, dilation=(2, 2), pads=(2, 2, 2, 2)),
)  # fmt: skip
