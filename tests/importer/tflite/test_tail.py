"""Post-processing at the end of a file: what is cut off, and what is part of the network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mcucc.importer.tflite.model import Operator, Quantization, Tensor, TfliteModel
from mcucc.importer.tflite.tail import without_tail

_SCALE = Quantization(np.ones(1, np.float32), np.zeros(1, np.int64), 0)
_DETECTION = "CUSTOM TFLite_Detection_PostProcess"

Op = tuple[str, tuple[int, ...], tuple[int, ...]]


def _file(dtypes: str, ops: Sequence[Op], outputs: tuple[int, ...]) -> TfliteModel:
    """Tensors of the types i (int8), f (float32) or c (a constant of floats); input 0."""
    tensors = tuple(
        Tensor(
            index,
            f"t{index}",
            "INT8" if dtype == "i" else "FLOAT32",
            (1, 4),
            np.zeros((1, 4), np.float32) if dtype == "c" else None,
            _SCALE if dtype == "i" else None,
            variable=False,
            sparse=False,
        )
        for index, dtype in enumerate(dtypes)
    )
    operators = tuple(
        Operator(index, code, inputs, made, None) for index, (code, inputs, made) in enumerate(ops)
    )
    return TfliteModel(Path("net.tflite"), "", tensors, operators, (0,), outputs)


def test_detection_is_cut_off_on_integers_and_on_floats() -> None:
    for dtypes in ("iicff", "ffcff"):
        file = _file(dtypes, [("CONV_2D", (0,), (1,)), (_DETECTION, (1, 2), (3, 4))], (3, 4))
        cut, (note,) = without_tail(file)
        assert cut.outputs == (1,)
        assert "CUSTOM_TFLite_Detection_PostProcess_1" in note
        assert "makes 't3', 't4' of the outputs 't1'" in note


def test_floats_behind_the_last_dequantize_are_cut_off() -> None:
    ops: list[Op] = [
        ("FULLY_CONNECTED", (0,), (1,)),
        ("DEQUANTIZE", (1,), (2,)),
        ("MUL", (2, 3), (4,)),
        ("SOFTMAX", (4,), (5,)),
    ]
    cut, (note,) = without_tail(_file("iifcff", ops, (1, 5)))
    assert cut.outputs == (1, 2)
    assert "MUL_2, SOFTMAX_3" in note


def test_what_is_part_of_the_network_stays() -> None:
    kept: Sequence[TfliteModel] = (
        _file("ifff", [("DEQUANTIZE", (0,), (1,)), ("FULLY_CONNECTED", (1,), (2,))], (2,)),
        _file("fff", [("CONV_2D", (0,), (1,)), ("SOFTMAX", (1,), (2,))], (2,)),
        _file("iiii", [(_DETECTION, (0,), (1,)), ("CONV_2D", (1,), (2,))], (2,)),
        _file("ii", [(_DETECTION, (0,), (1,))], (1,)),
    )
    for file in kept:
        assert without_tail(file) == (file, ())
