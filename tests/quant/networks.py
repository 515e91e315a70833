"""Small float networks for the quantizer's tests."""

import numpy as np
from numpy.typing import NDArray

from mcucc.ir import parse_graph, print_graph
from mcucc.ops import FLOAT_OPS, FloatGraph

_HEAD = 'graph("net")\ninput("x", float32[1, 6, 6, 3], onnx=("x", "float32", (1, 6, 6, 3)))\n'


def network(body: str, output: str, **constants: NDArray[np.float64]) -> FloatGraph:
    """A graph from its text after the input x [1, 6, 6, 3]; constants by name."""
    tail = f'output("{output}", onnx=("{output}", "float32", (1, 1)))\n'
    lines = constant_lines(**constants)
    return parse_graph(f"{_HEAD}{lines}\n{body}\n{tail}", FLOAT_OPS)


def constant_lines(**constants: NDArray[np.float64]) -> str:
    """Constants in the text form."""
    return "\n".join(
        f'const("{name}", float32{list(data.shape)}, {data.astype(np.float32).ravel().tolist()})'
        for name, data in constants.items()
    )


def inputs(count: int = 16, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Normal random samples of x."""
    random = np.random.default_rng(seed)
    return {"x": random.standard_normal((count, 6, 6, 3), dtype=np.float32)}


def two_layers(activation: str = "relu", seed: int = 0) -> FloatGraph:
    """3x3 convolution, 1x1 convolution, with channels of very different size between them."""
    random = np.random.default_rng(seed)
    spread = 10.0 ** np.linspace(-1.5, 0.5, 8)
    body = f"""
node("first", FloatConv2D(pads=(1, 1, 1, 1), activation="{activation}"), ("x", "w1", "b1"), "m", float32[1, 6, 6, 8])
node("second", FloatConv2D(), ("m", "w2", "b2"), "y", float32[1, 6, 6, 4])
"""  # noqa: E501 -- the text form has a line per node
    return network(
        body,
        "y",
        w1=random.standard_normal((8, 3, 3, 3)) * spread[:, None, None, None],
        b1=random.standard_normal(8) * spread,
        w2=random.standard_normal((4, 1, 1, 8)) / spread,
        b2=random.standard_normal(4),
    )


def text(graph: FloatGraph) -> str:
    """The text form, for comparisons."""
    return print_graph(graph)
