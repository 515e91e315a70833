"""Draws whole networks."""

import numpy as np
import onnx

from fuzz.layers import append_layers
from fuzz.writer import Shape, Value, Writer

_MOST_LAYERS = 10


def draw_network(random: np.random.Generator) -> tuple[onnx.ModelProto, tuple[Value, ...]]:
    """A network, float or QDQ, and its inputs."""
    w = Writer(random, quantized=bool(random.random() < 0.55))
    values = [w.input(_first_shape(w))]
    wanted = w.number(1, _MOST_LAYERS)
    for _ in range(3):  # layers that have no place where they are drawn are left out
        append_layers(w, values, wanted)
        made = [value for value in values if value.name[0] == "v" and value is not values[0]]
        if made:
            break
    else:
        made = [w.settled(w.node("Relu", values[0].name), values[0].shape, values[0].scale)]
    inner = [w.one_of(made)] if w.chance(0.25) else []
    outputs = {value.name: value for value in (made[-1], *inner)}
    return w.proto(list(outputs.values())), tuple(w.inputs)


def _first_shape(w: Writer) -> Shape:
    channels = w.one_of((1, 1, 2, 3, 3, 4, 5, 8, 9, 12))
    form = w.one_of(("map", "map", "map", "map", "row", "column", "sequence", "vector", "pixel"))
    match form:
        case "map":
            return (1, channels, w.number(2, 12), w.number(2, 12))
        case "row":
            return (1, channels, 1, w.number(1, 16))
        case "column":
            return (1, channels, w.number(1, 16), 1)
        case "sequence":
            return (1, channels, w.number(2, 24))
        case "pixel":
            return (1, channels, 1, 1)
        case _:
            return (1, w.number(1, 40))
