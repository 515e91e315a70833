"""The kind `calibration`: damaged and hostile .npz and .npy files."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fuzz.case import Case, Kind, Outcome
from fuzz.command import judge_command, no_compilers
from fuzz.messages import FLOATS, TEXTS, damaged
from fuzz.networks import draw_network
from fuzz.writer import Value

MODEL = "model.onnx"
_BASES = 12
_TYPES = ("f2", "f8", "i1", "u1", "i4", "i8", "b1", "c8", "S4", "U4", ">f4", "M8[s]", "O", "V4")
_CLAIMS = (
    *("(0, 3)", "(1000000000, 1000000)", "(-1,)", "(10000000000000000000000,)", "()", "(2, 'x')"),
    *("(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)", "[3]", "((((((((((((", "(True, 2)", "(3000000000,)"),
)


@dataclass(frozen=True)
class Calibrations(Kind):
    """Compiling with a damaged calibration file ends with a code that it may end with."""

    name: str = "calibration"
    per_round: int = 1
    batch: int = 10

    def draw(self, seed: int) -> Case:
        """A small float network and a file that is not quite what it asks for."""
        random = Random(f"calibration {seed}")
        model, inputs = _network(random.randrange(_BASES))
        generator = np.random.default_rng([4, seed])
        arrays = {v.name: _array(generator, v, random) for v in inputs}
        if random.random() < 0.6:
            name = random.choice(list(arrays))
            arrays[name] = _other_array(arrays[name], random)
        if random.random() < 0.25:
            arrays[random.choice(TEXTS)[:60] or "x"] = arrays.pop(random.choice(list(arrays)))
        file, content = _packed(arrays, random)
        if random.random() < 0.4:
            content = damaged(content, random)
        observer = random.choice(("mse", "minmax", "percentile"))
        arguments = ("compile", MODEL, "--board", "mps2-an386", "-o", "out")
        options = ("--calib", file, "--observer", observer)
        return Case(self.name, seed, (*arguments, *options), {MODEL: model, file: content})

    def judge(self, cases: Sequence[Case], folder: Path) -> list[Outcome]:
        """Only codes of refusals, no crash."""
        with no_compilers():
            return [judge_command(case, folder) for case in cases]

    def smaller(self, case: Case) -> Iterator[Case]:
        """With the other observer: nothing else is simpler."""
        if "minmax" not in case.arguments:
            yield replace(case, arguments=(*case.arguments[:-1], "minmax"))


def _network(index: int) -> tuple[bytes, tuple[Value, ...]]:
    """One of a few float networks."""
    for attempt in range(100):
        generator = np.random.default_rng([5, index, attempt])
        proto, inputs = draw_network(generator)
        if all(node.op_type != "QuantizeLinear" for node in proto.graph.node):
            return proto.SerializeToString(), inputs
    raise AssertionError("no float network was drawn")


def _array(generator: np.random.Generator, value: Value, random: Random) -> NDArray[Any]:
    count = random.choice((1, 1, 2, 5, 20))
    return generator.standard_normal((count, *value.shape[1:])).astype(np.float32)


def _other_array(array: NDArray[Any], random: Random) -> NDArray[Any]:
    """The same array in another type or shape, or with other numbers."""
    match random.choice(("type", "shape", "order", "value", "value", "all", "none", "axis")):
        case "type":
            with np.errstate(all="ignore"):
                return np.zeros(array.shape, random.choice(_TYPES))
        case "shape":
            return np.zeros([random.choice((0, 1, 2, 3, 7)) for _ in range(random.randint(0, 6))])
        case "order":
            return np.moveaxis(array, 1, -1)
        case "value":
            changed = array.copy()
            changed.ravel()[random.randrange(array.size)] = random.choice(FLOATS)
            return changed
        case "all":
            return np.full(array.shape, random.choice(FLOATS), random.choice(("f4", "f8")))
        case "none":
            return array[:0]
        case _:
            return array[0]


def _packed(arrays: dict[str, NDArray[Any]], random: Random) -> tuple[str, bytes]:
    """A file's name and its bytes."""
    members = {f"{name}.npy": _member(array, random) for name, array in arrays.items()}
    if len(members) == 1 and random.random() < 0.3:
        return "calib.npy", next(iter(members.values()))
    if random.random() < 0.1:
        members[random.choice(TEXTS)[:60] or "y"] = random.randbytes(random.randint(0, 50))
    content = io.BytesIO()
    method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
    with zipfile.ZipFile(content, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return "calib.npz", content.getvalue()


def _member(array: NDArray[Any], random: Random) -> bytes:
    """An array as .npy; now and then its header claims something else."""
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=True)
    data = content.getvalue()
    if random.random() > 0.2:
        return data
    header = str(
        {
            "descr": random.choice((*_TYPES, "<f4", "|O", "not a type")),
            "fortran_order": random.choice((False, True)),
            "shape": "SHAPE",
        }
    ).replace("'SHAPE'", random.choice((*_CLAIMS, str(array.shape))))
    if random.random() < 0.2:
        header = random.choice(("{", "[]", "{'descr': '<f4'}", "(" * 3000, "9" * 9000))
    text = header.encode() + b"\n"
    version = random.choice((b"\x01\x00", b"\x02\x00", b"\x09\x09"))
    length = len(text).to_bytes(2 if version[0] == 1 else 4, "little")
    return b"\x93NUMPY" + version + length + text + array.tobytes()[:4000]
