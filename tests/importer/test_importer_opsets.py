"""Newer operator sets: taken where an operator means what it did, refused by its name where not."""

from dataclasses import replace
from pathlib import Path

import onnx.defs
import pytest

from mcucc.errors import UnsupportedModelError
from mcucc.importer import lower_network, read_onnx
from mcucc.importer.file.fold import FOLDABLE
from mcucc.importer.file.opsets import newer_operators
from mcucc.importer.lower import known_operators
from tests.importer.float_cases import Model
from tests.importer.island_builders import conv
from tests.lowering import lower_quantized

TAKEN = sorted(FOLDABLE | set(known_operators()) | {"Constant"})
NEW_ATTRIBUTES = {
    "Cast": {"round_mode"},
    "CastLike": {"round_mode"},
    "Range": {"stash_type"},
    "SpaceToDepth": {"mode"},
}
"""About float8e8m0, float16 and bfloat16 alone, or refused where it is not the default."""


def one_node(op: str) -> onnx.ModelProto:
    node = onnx.helper.make_node(op, [], ["y"])
    return onnx.helper.make_model(onnx.helper.make_graph([node], "g", [], []))


@pytest.mark.parametrize("op", TAKEN)
def test_every_version_that_is_taken_is_what_the_operator_was(op: str) -> None:
    """By ONNX's own schemas: newer versions add types, and attributes about them."""
    newest = onnx.defs.onnx_opset_version()
    assert newer_operators(one_node(op), newest) == {}
    try:
        old, new = onnx.defs.get_schema(op, 23), onnx.defs.get_schema(op, newest)
    except onnx.defs.SchemaError:
        assert op == "Upsample"
        return
    assert [i.name for i in new.inputs] == [i.name for i in old.inputs]
    assert [o.name for o in new.outputs] == [o.name for o in old.outputs]
    assert set(new.attributes) - set(old.attributes) == (
        NEW_ATTRIBUTES.get(op, set()) if new.since_version > 23 else set()
    )
    for name, attribute in old.attributes.items():
        assert new.attributes[name].default_value == attribute.default_value


def test_operators_that_have_changed_are_found() -> None:
    """Scan has a version of set 24 that nobody has looked at."""
    assert newer_operators(one_node("Scan"), 24) == {"Scan": 24}
    assert newer_operators(one_node("Scan"), 23) == {}
    assert newer_operators(one_node("Nonsense"), 24) == {}


@pytest.mark.parametrize("opset", range(24, onnx.defs.onnx_opset_version() + 1))
def test_the_same_graph_from_every_newer_set(opset: int, tmp_path: Path) -> None:
    proto = conv((3, 3))().proto()
    graphs = [lower_quantized(read_onnx(_saved(proto, at, tmp_path)), "net") for at in (23, opset)]
    assert graphs[0].nodes == graphs[1].nodes
    assert graphs[0].tensors == graphs[1].tensors


def _saved(proto: onnx.ModelProto, opset: int, folder: Path) -> Path:
    proto.opset_import[0].version = opset
    proto.ir_version = 11
    (folder / "net.onnx").write_bytes(proto.SerializeToString())
    return folder / "net.onnx"


def test_a_changed_operator_is_refused_by_its_name(tmp_path: Path) -> None:
    """As if the installed package knew a newer Relu than mcucc does."""
    m = Model((1, 4, 5, 6))
    output = m.op("Relu", m.op("Relu", "x0"))
    model = replace(read_onnx(m.save(tmp_path, output)), newer={"Relu": 30}, opset=30)
    with pytest.raises(UnsupportedModelError) as refused:
        lower_network(model, "net")
    assert [violation.op for violation in refused.value.violations] == ["Relu", "Relu"]
    assert "1 reason(s)" in str(refused.value)
    assert "operator Relu of set 30, in a model of set 30" in str(refused.value)
