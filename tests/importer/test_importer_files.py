"""Files that are no ONNX, are damaged or incomplete: one clear message each."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper, numpy_helper

from mcucc.errors import InputFileError
from mcucc.importer import model_digest, read_onnx
from tests.importer.island_builders import conv, flattened
from tests.importer.qdq_models import QdqModel, lower
from tests.lowering import lower_quantized


def problem(path: Path) -> str:
    with pytest.raises(InputFileError) as caught:
        read_onnx(path)
    assert str(caught.value) == f"{path}: {caught.value.problem}"
    assert "\n" not in caught.value.problem
    return caught.value.problem


def problem_of(content: bytes | ModelProto, folder: Path) -> str:
    path = folder / "model.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return problem(path)


def test_a_missing_file(tmp_path: Path):
    expected = "cannot be read: No such file or directory; an ONNX or .tflite file is wanted"
    assert problem(tmp_path / "none.onnx") == expected
    (tmp_path / "nine.onnx").write_bytes(b"")
    assert problem(tmp_path / "none.onnx") == f"{expected} (is it nine.onnx?)"


def test_a_directory(tmp_path: Path):
    assert problem(tmp_path) == "is a directory, and an ONNX or .tflite file is wanted"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty (0 bytes)"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is a PNG image, not an ONNX file"),
        (b'{"nodes": []}', "is JSON, not an ONNX file"),
        (
            b"This is a text.\n" * 100,
            "is a text that begins with 'This is a text.', not an ONNX file",
        ),
        (
            np.random.default_rng(0).bytes(5000),
            "is not an ONNX file, or it is damaged (it has 5,000 bytes and begins with 5f 82 c2 d9",
        ),
        (b"\x08\x08", "is not an ONNX file, or it holds no network (it has 2 bytes"),
    ],
)
def test_other_content(content: bytes, expected: str, tmp_path: Path):
    assert problem_of(content, tmp_path).startswith(expected)


def test_every_truncation(tmp_path: Path):
    whole = flattened("Flatten")().proto().SerializeToString()
    for length in range(0, len(whole) - 1, 7):
        message = problem_of(whole[:length], tmp_path)
        expected = (
            "is empty",
            "is a truncated ONNX",
            "is not an ONNX file",
            "says no operator set",
        )
        assert message.startswith(expected)


def test_truncated_weights(tmp_path: Path):
    proto = conv((3, 3))().proto()
    weights = next(t for t in proto.graph.initializer if len(t.dims) == 4)
    weights.raw_data = weights.raw_data[:-1]
    assert weights.name in problem_of(proto, tmp_path)


def external(folder: Path) -> tuple[Path, Path]:
    """A model with its weights in a file beside it."""
    model, data = folder / "model.onnx", folder / "weights.bin"
    onnx.save_model(  # pyright: ignore[reportUnknownMemberType] -- PathLike without argument in onnx's own stub
        conv((3, 3))().proto(),
        model,
        save_as_external_data=True,
        location=data.name,
        size_threshold=16,
    )
    return model, data


def test_external_data_are_read(tmp_path: Path):
    model, _ = external(tmp_path)
    (tmp_path / "inside").mkdir()
    inside = lower(conv((3, 3))(), tmp_path / "inside")
    graph = lower_quantized(read_onnx(model), "net")
    for name, const in graph.consts.items():
        assert np.array_equal(const.data, inside.consts[name].data)


def test_missing_external_data(tmp_path: Path):
    model, data = external(tmp_path)
    data.unlink()
    message = problem(model)
    assert message == (
        "its external data cannot be loaded: the file 'weights.bin' is missing: keep the data file "
        "beside the model"
    )


def test_the_digest_covers_external_data(tmp_path: Path):
    """A changed weight is another model; names and order of the files do not come from the disk."""
    model, data = external(tmp_path)
    digest = read_onnx(model).sha256
    assert model_digest(model) == digest
    own = hashlib.sha256(model.read_bytes()).hexdigest()
    lines = f"{own}\n{hashlib.sha256(data.read_bytes()).hexdigest()} weights.bin\n"
    assert digest == hashlib.sha256(lines.encode()).hexdigest()
    for at in (0, -1):
        changed = bytearray(data.read_bytes())
        changed[at] ^= 1
        data.write_bytes(changed)
        assert read_onnx(model).sha256 == model_digest(model) != digest
        digest = model_digest(model)


def test_the_digest_covers_each_of_several_files(tmp_path: Path):
    model, data = external(tmp_path)
    proto = ModelProto.FromString(model.read_bytes())
    apart = [tensor for tensor in proto.graph.initializer if tensor.external_data]
    (tmp_path / "sub").mkdir()
    for number, tensor in enumerate(apart):
        name = f"sub/{9 - number}.bin"
        (tmp_path / name).write_bytes(data.read_bytes())
        for entry in tensor.external_data:
            entry.value = name if entry.key == "location" else entry.value
    model.write_bytes(proto.SerializeToString())
    data.unlink()
    seen = {read_onnx(model).sha256}
    for path in sorted((tmp_path / "sub").iterdir()):
        path.write_bytes(path.read_bytes() + b"more")
        seen.add(model_digest(model))
    assert len(apart) >= 1
    assert len(seen) == len(apart) + 1
    (tmp_path / "sub" / "9.bin").unlink()
    for read in (read_onnx, model_digest):
        with pytest.raises(InputFileError, match=r"the file 'sub/9\.bin' is missing"):
            read(model)


def test_a_model_in_one_file_has_the_digest_of_its_bytes(tmp_path: Path):
    model = tmp_path / "model.onnx"
    model.write_bytes(conv((3, 3))().proto().SerializeToString())
    own = hashlib.sha256(model.read_bytes()).hexdigest()
    assert read_onnx(model).sha256 == model_digest(model) == own
    model.write_bytes(model.read_bytes()[:-7])
    with pytest.raises(InputFileError, match="truncated"):
        model_digest(model)


def test_truncated_external_data(tmp_path: Path):
    model, data = external(tmp_path)
    data.write_bytes(data.read_bytes()[:-3])
    assert problem(model).startswith(("its external data", "is not valid ONNX"))


@pytest.mark.parametrize(
    "location",
    ["../outside.bin", "/etc/passwd", "a/../../outside.bin", "x" * 300, "a/" * 3000, "a\0b", "."],
)
def test_external_data_must_not_leave_the_directory(location: str, tmp_path: Path):
    folder = tmp_path / "model"
    folder.mkdir()
    model, data = external(folder)
    (tmp_path / "outside.bin").write_bytes(data.read_bytes())
    proto = ModelProto.FromString(model.read_bytes())
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            entry.value = location if entry.key == "location" else entry.value
    assert problem_of(proto, folder).startswith("its external data cannot be loaded")


@pytest.mark.parametrize("location", ["../outside.bin", "a/../../outside.bin"])
def test_the_digest_reads_nothing_outside_of_the_directory(location: str, tmp_path: Path):
    folder = tmp_path / "model"
    (folder / "a").mkdir(parents=True)
    model, data = external(folder)
    (tmp_path / "outside.bin").write_bytes(data.read_bytes())
    proto = ModelProto.FromString(model.read_bytes())
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            entry.value = location if entry.key == "location" else entry.value
    model.write_bytes(proto.SerializeToString())
    with pytest.raises(InputFileError, match="does not lie in the folder of the model"):
        model_digest(model)


@pytest.mark.parametrize(
    ("opset", "expected"),
    [
        (1, "uses operator set 1; mcucc reads 7 and newer"),
        (6, "uses operator set 6; mcucc reads 7 and newer"),
        (
            99,
            "uses operator set 99, and the installed onnx package knows the meaning of sets up to",
        ),
    ],
)
def test_unknown_operator_sets(opset: int, expected: str, tmp_path: Path):
    proto = conv((1, 1))().proto()
    proto.opset_import[0].version = opset
    assert problem_of(proto, tmp_path).startswith(expected)


def test_an_ir_version_of_the_future(tmp_path: Path):
    message = problem_of(conv((1, 1))().proto(ir_version=99), tmp_path)
    assert message.startswith("has ONNX IR version 99; the installed onnx package reads up to")


def unsorted(proto: ModelProto) -> str:
    nodes = list(proto.graph.node)
    del proto.graph.node[:]
    proto.graph.node.extend(reversed(nodes))
    return "topologically sorted"


def cyclic(proto: ModelProto) -> str:
    node = next(node for node in proto.graph.node if node.op_type == "Conv")
    node.input[0] = "y"
    return "topologically sorted"


def value_made_twice(proto: ModelProto) -> str:
    proto.graph.node.append(proto.graph.node[-1])
    return "single static assignment"


def input_declared_twice(proto: ModelProto) -> str:
    proto.graph.input.append(proto.graph.input[0])
    return "single static assignment"


def output_declared_twice(proto: ModelProto) -> str:
    proto.graph.output.append(proto.graph.output[0])
    return "declares 'y' twice"


def output_of_nobody(proto: ModelProto) -> str:
    proto.graph.output[0].name = "nobody"
    return "nobody"


def known_operator_without_output(proto: ModelProto) -> str:
    del proto.graph.node[-1].output[:]
    return "output"


def custom_operator_without_output(proto: ModelProto) -> str:
    proto.graph.node.append(helper.make_node("Log", ["y"], [], "log", domain="com.example"))
    proto.opset_import.append(helper.make_opsetid("com.example", 1))
    return "node 7 (com.example.Log 'log') has no output"


def undeclared_domain(proto: ModelProto) -> str:
    proto.graph.node[-1].domain = "com.example"
    return "com.example"


def unknown_operator(proto: ModelProto) -> str:
    proto.graph.node[-1].op_type = "Nonsense"
    return "Nonsense"


def wrong_attribute_type(proto: ModelProto) -> str:
    node = next(node for node in proto.graph.node if node.op_type == "Conv")
    node.attribute.append(helper.make_attribute("group", "one"))
    return "group"


def unknown_attribute(proto: ModelProto) -> str:
    node = next(node for node in proto.graph.node if node.op_type == "Conv")
    node.attribute.append(helper.make_attribute("colour", 1))
    return "colour"


def unknown_port_type(proto: ModelProto) -> str:
    proto.graph.input[0].type.tensor_type.elem_type = 99
    return "unknown element type 99"


def unknown_tensor_type(proto: ModelProto) -> str:
    proto.graph.initializer[0].data_type = 99
    return "tensor 'c0' has the unknown element type 99"


def negative_tensor_size(proto: ModelProto) -> str:
    proto.graph.initializer[4].dims[0] = -4
    return "egative"


def huge_tensor(proto: ModelProto) -> str:
    proto.graph.initializer[4].dims[0] = 2**62
    return "c4"


def no_network(proto: ModelProto) -> str:
    del proto.graph.node[:], proto.graph.output[:]
    return "holds no network"


def constant_without_value(proto: ModelProto) -> str:
    node = helper.make_node("Constant", [], ["words"], name="words", value_strings=["a"])
    proto.graph.node.append(node)
    return "constant 'words' holds neither a tensor nor numbers"


@pytest.mark.parametrize(
    "damage",
    [
        unsorted,
        cyclic,
        value_made_twice,
        input_declared_twice,
        output_declared_twice,
        output_of_nobody,
        known_operator_without_output,
        custom_operator_without_output,
        undeclared_domain,
        unknown_operator,
        wrong_attribute_type,
        unknown_attribute,
        unknown_port_type,
        unknown_tensor_type,
        negative_tensor_size,
        huge_tensor,
        no_network,
        constant_without_value,
    ],
)
def test_invalid_networks(damage: Callable[[ModelProto], str], tmp_path: Path):
    proto = conv((1, 1))().proto()
    expected = damage(proto)
    assert expected in problem_of(proto, tmp_path)


def test_a_name_that_is_no_text(tmp_path: Path):
    m = QdqModel()
    m.output(m.pair(m.op("GlobalAveragePool", m.input("x", (1, 2, 3, 4))), "name"))
    content = m.proto().SerializeToString().replace(b"name", b"nam\xff")
    assert "is not UTF-8" in problem_of(content, tmp_path)


def test_string_tensors_are_no_numbers(tmp_path: Path):
    proto = conv((1, 1))().proto()
    proto.graph.initializer[4].CopyFrom(
        numpy_helper.from_array(np.array(["words"], dtype=object), "c4")
    )
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    assert read_onnx(tmp_path / "m.onnx").constants["c4"].dtype.kind in "OSU"


def test_the_view_of_a_file(tmp_path: Path):
    path = tmp_path / "model.onnx"
    path.write_bytes(conv((1, 1), strides=[2, 1])().proto().SerializeToString())
    model = read_onnx(path)
    assert (model.path, model.opset, len(model.sha256)) == (path, 13, 64)
    assert [(p.name, p.dtype, p.shape) for p in model.inputs] == [
        ("x_float", "float32", (1, 3, 12, 7))
    ]
    node = next(node for node in model.nodes if node.op == "Conv")
    assert (node.name, node.ints("strides", ()), node.int("group", 7)) == ("conv", (2, 1), 7)
    assert (node.string("auto_pad", "none"), node.float("alpha", 0.5)) == ("none", 0.5)
