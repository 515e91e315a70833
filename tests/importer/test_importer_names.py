"""Names of networks."""

from pathlib import Path

import pytest

from mcucc.errors import UsageError
from mcucc.importer import check_name, identifier


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("kws_qdq.onnx", "kws_qdq"),
        ("My Model-v2.onnx", "my_model_v2"),
        ("3d.onnx", "net_3d"),
        ("int.onnx", "net_int"),
        ("äöü.onnx", "net"),
        ("a__b_.onnx", "a_b"),
        ("NUL.onnx", "net_nul"),
        ("mcucc.onnx", "net_mcucc"),
    ],
)
def test_a_file_gives_a_name(file: str, name: str):
    assert identifier(Path(file)) == name
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "Net", "3d", "a-b", "a b", "_x", "a" * 65])
def test_a_name_must_be_a_c_identifier(name: str):
    with pytest.raises(UsageError, match="use a lower-case C identifier such as"):
        check_name(name)


@pytest.mark.parametrize(
    "name", ["int", "stdio", "mcucc", "mcucc_a", "con", "nul", "aux", "prn", "com1", "a__b", "a_"]
)
def test_reserved_names(name: str):
    with pytest.raises(UsageError, match=f"'{name}' is reserved .* use another, such as '") as said:
        check_name(name)
    check_name(str(said.value).rpartition("such as ")[2].strip("'"))
