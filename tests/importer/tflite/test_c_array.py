"""Models in C sources: the array is found by its bytes, and several are told apart by name."""

from pathlib import Path

import pytest

from mcucc.errors import InputFileError, UsageError
from mcucc.importer import ModelBytes, ModelInArray, model_digest, read_network
from mcucc.twin import write_twin
from tests.graphs import GraphBuilder


def _twin(channels: int) -> bytes:
    b = GraphBuilder("net")
    return write_twin(b.build(b.conv(b.input((1, 5, 5, 2)), channels)))


def _hex(name: str, data: bytes) -> str:
    lines = [
        ", ".join(f"0x{byte:02x}" for byte in data[i : i + 12]) for i in range(0, len(data), 12)
    ]
    return f"alignas(16) const unsigned char {name}[] = {{\n  " + ",\n  ".join(lines) + "\n};\n"


def _decimal(name: str, data: bytes) -> str:
    numbers = ",".join(map(str, data))
    return f"const uint8_t {name}[{len(data)}] __attribute__((aligned(4))) = {{{numbers},}};\n"


HEAD = (
    '#include "model.h"\n// 0x54, 0x46, 0x4c, 0x33 begin it\nconst int g_size = 3; /* {1, 2} */\n'
)


@pytest.mark.parametrize("write", [_hex, _decimal])
def test_one_array_is_the_model(tmp_path: Path, write: object) -> None:
    assert callable(write)
    raw, source = _twin(3), tmp_path / "model_data.cc"
    source.write_text(HEAD + "const int table[2] = {1, 2};\n" + str(write("g_model", raw)))
    model = read_network(source)
    alone = read_network(ModelBytes(raw))
    assert (model.format, model.path, model.sha256) == ("tflite", source, alone.sha256)
    assert model_digest(source) == alone.sha256
    assert model.operators == ("CONV_2D",)


def test_several_are_named_in_the_error(tmp_path: Path) -> None:
    source = tmp_path / "models.h"
    source.write_text(HEAD + _hex("g_small", _twin(3)) + _hex("g_large", _twin(7)))
    with pytest.raises(InputFileError, match=r"holds 2 models.*--array g_small, g_large"):
        read_network(source)
    with pytest.raises(UsageError, match=r"--array g_other.*it has g_small, g_large"):
        read_network(ModelInArray(source, "g_other"))
    assert read_network(ModelInArray(source, "g_large")).outputs[0].shape[-1] == 7


def test_a_source_without_its_array_is_told_from_other_texts(tmp_path: Path) -> None:
    source = tmp_path / "cut.cc"
    source.write_text(HEAD + _hex("g_model", _twin(3))[:900])
    with pytest.raises(InputFileError, match="give the file that defines the array"):
        read_network(source)
    other = tmp_path / "other.c"
    other.write_text("int main(void) { return 0; }\n")
    with pytest.raises(InputFileError, match="a text that begins with"):
        read_network(other)
    with pytest.raises(UsageError, match="is no C source that holds"):
        read_network(ModelInArray(other, "g_model"))
