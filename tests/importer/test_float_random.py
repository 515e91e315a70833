"""Random small networks of operators that care about layouts: ONNX Runtime computes the same."""

import math
from pathlib import Path

import numpy as np
import pytest

from mcucc.errors import UnsupportedModelError
from tests.importer.float_cases import Model, check

Shape = tuple[int, ...]
KINDS = (
    "conv",
    "relu",
    "reshape",
    "transpose",
    "offset",
    "add",
    "pool",
    "softmax",
    "concat",
    "matmul",
    "mean",
    "slice",
    "norm",
)


class RandomNetwork:
    """Appends random operators; `values` are the names and shapes so far."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        shape = (1, *self.draw(1, 7, self.draw(1, 4)[0]))
        self.model = Model(shape)
        self.values: list[tuple[str, Shape]] = [("x0", shape)]
        for _ in range(self.draw(2, 9)[0]):
            latest = self.random.random() < 0.7
            name, shape = self.values[-1 if latest else self.draw(0, len(self.values))[0]]
            self.append(KINDS[self.draw(0, len(KINDS))[0]], name, shape)

    def draw(self, low: int, high: int, count: int = 1) -> list[int]:
        return [int(v) for v in self.random.integers(low, high, count)]

    def append(self, kind: str, x: str, shape: Shape) -> None:
        made = self.windowed(kind, x, shape) if len(shape) in (3, 4) else None
        made = made or self.moved(kind, x, shape) or self.elementwise(kind, x, shape)
        if made is not None and math.prod(made[1]) <= 4000:
            self.values.append(made)

    def windowed(self, kind: str, x: str, shape: Shape) -> tuple[str, Shape] | None:
        m, ones = self.model, (1,) * (len(shape) - 2)
        if kind == "conv":
            (out,) = self.draw(1, 5)
            return m.op("Conv", x, m.weights(out, shape[1], *ones)), (1, out, *shape[2:])
        if kind == "pool":
            kernel, pads = [2 * one for one in ones], [*ones, *ones]
            y = m.op("AveragePool", x, kernel_shape=kernel, pads=pads)
            return y, (*shape[:2], *(n + 1 for n in shape[2:]))
        if kind == "mean":
            (axis,), (keep,) = self.draw(1, len(shape)), self.draw(0, 2)
            y = m.op("ReduceMean", x, axes=[axis], keepdims=keep)
            sizes = [1 if a == axis else n for a, n in enumerate(shape) if keep or a != axis]
            return y, tuple(sizes)
        return None

    def moved(self, kind: str, x: str, shape: Shape) -> tuple[str, Shape] | None:
        m, (axis,) = self.model, self.draw(1, len(shape))
        match kind:
            case "reshape":
                target = self.factors(math.prod(shape))
                return m.op("Reshape", x, m.ints(*target)), target
            case "transpose":
                perm = (0, *(int(a) + 1 for a in self.random.permutation(len(shape) - 1)))
                return m.op("Transpose", x, perm=perm), tuple(shape[a] for a in perm)
            case "concat":
                others = [name for name, other in self.values if other == shape]
                y = m.op("Concat", x, others[self.draw(0, len(others))[0]], axis=axis)
                return y, tuple(2 * n if a == axis else n for a, n in enumerate(shape))
            case "slice":
                (first,) = self.draw(0, shape[axis])
                y = m.op("Slice", x, m.ints(first), m.ints(shape[axis]), m.ints(axis))
                return y, tuple(n - first if a == axis else n for a, n in enumerate(shape))
            case _:
                return None

    def elementwise(self, kind: str, x: str, shape: Shape) -> tuple[str, Shape] | None:
        m = self.model
        match kind:
            case "relu":
                return m.op("Relu", x), shape
            case "offset":
                sizes = [n if self.random.random() < 0.5 else 1 for n in shape]
                return m.op("Sub", x, m.weights(*sizes[self.draw(0, len(shape))[0] :])), shape
            case "add":
                others = [v for v in self.values if v[1] == shape or math.prod(v[1]) == 1]
                name, other = others[self.draw(0, len(others))[0]]
                return m.op("Add", x, name), tuple(np.broadcast_shapes(shape, other))
            case "softmax":
                return m.op("Softmax", x, axis=self.draw(1, len(shape))[0]), shape
            case "matmul":
                (out,) = self.draw(1, 5)
                return m.op("MatMul", x, m.weights(shape[-1], out)), (*shape[:-1], out)
            case "norm":
                c = shape[1]
                parameters = (m.positive(c), m.weights(c), m.weights(c), m.positive(c))
                return m.op("BatchNormalization", x, *parameters), shape
            case _:
                return None

    def factors(self, size: int) -> Shape:
        """A shape of up to five axes with so many elements."""
        axes: list[int] = []
        for _ in range(self.draw(0, 4)[0]):
            divisors = [n for n in range(1, size + 1) if size % n == 0]
            axes.append(divisors[self.draw(0, len(divisors))[0]])
            size //= axes[-1]
        return (1, *axes, size)


@pytest.mark.parametrize("batch", range(8))
def test_random_networks(tmp_path: Path, batch: int):
    equal = 0
    for seed in range(25 * batch, 25 * batch + 25):
        network = RandomNetwork(seed)
        outputs = {network.values[-1][0], network.values[len(network.values) // 2][0]} - {"x0"}
        if not outputs:
            continue
        try:
            check(network.model, tmp_path, *sorted(outputs))
            equal += 1
        except UnsupportedModelError as error:
            rules = [violation.rule for violation in error.violations]
            known = ("an output must be computed", "a value must have rank 2 to 4")
            assert all(rule.startswith(known) for rule in rules), (seed, rules)
    assert equal >= 15
