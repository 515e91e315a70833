"""Damaged `.tflite` files: the right answer, or one error that says so, and never more memory."""

import struct

import numpy as np
import pytest

from mcucc.errors import InputFileError, UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.twin import write_twin
from mcucc.twin.operators import TWINS
from mcucc.twin.operators.twin import LACKED
from tests.graphs import every_operator_graph
from tests.operators.example import examples


@pytest.fixture(scope="module")
def whole() -> bytes:
    taken = [example for example in examples() if TWINS[example.op] is not LACKED]
    return write_twin(every_operator_graph(more=taken))


def _read(raw: bytes) -> str:
    try:
        lower_network(read_network(ModelBytes(raw)), "net")
    except InputFileError as error:
        return str(error)
    except UnsupportedModelError:
        return "refused"
    return "read"


def test_a_file_that_is_cut_off_is_named_as_damaged(whole: bytes) -> None:
    said = {_read(whole[:length]).partition(" (")[0] for length in range(64, len(whole) - 4096, 97)}
    assert said
    assert all("damaged" in each or each == "refused" for each in said)


def test_words_that_are_overwritten_never_escape(whole: bytes) -> None:
    random = np.random.default_rng(5)
    said: set[str] = set()
    for place in random.integers(8, len(whole) - 4, 150):
        for word in (0, 0x7FFFFFFF, 0xFFFFFFFF):
            raw = bytearray(whole)
            struct.pack_into("<I", raw, int(place) & ~3, word)
            said.add(_read(bytes(raw)).partition(":")[0])
    assert len(said) > 1  # some are noticed, some do not matter


def test_neither_name_nor_suffix_says_what_a_file_is(whole: bytes) -> None:
    model = read_network(ModelBytes(whole))
    assert model.path.suffix == ".onnx"
    assert model.format == "tflite"
    assert "CONV_2D" in model.operators
