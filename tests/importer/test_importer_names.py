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
        ("all.onnx", "net_all"),
        ("Test.onnx", "net_test"),
        ("package-source.onnx", "net_package_source"),
        ("class.onnx", "net_class"),
        ("Arduino.onnx", "net_arduino"),
        ("model.onnx", "model"),
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
    """Each complaint names another, which is taken."""
    with pytest.raises(UsageError, match=f"'{name}' is reserved .* use another, such as '") as said:
        check_name(name)
    check_name(str(said.value).rpartition("such as ")[2].strip("'"))


# Tried with CMake 4.4, CTest and CPack: they refuse a library of that name, or to link one.
CMAKE = """all clean edit_cache help install package package_source preinstall rebuild_cache test
debug general optimized"""


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        ("CMake and make, which have such a target", CMAKE),
        ("C and C++", "int class namespace typeof nullptr bool co_await asm linux"),
        ("headers of the compiler", "stdio complex unistd pthread arm_mve arm_math task"),
        ("headers of Arduino", "arduino print wire spi"),
        ("the libraries that every linker knows", "c m gcc"),
        ("devices on Windows", "con com1 lpt9"),
        ("mcucc", "mcucc mcucc_base step example"),
    ],
)
def test_who_has_a_name_is_said(owner: str, names: str):
    for name in names.split():
        with pytest.raises(UsageError, match=f"'{name}' is reserved \\(for {owner}"):
            check_name(name)
        assert identifier(Path(f"{name}.onnx")) == f"net_{name}"
        assert check_name(f"net_{name}") == f"net_{name}"


def test_what_no_tool_has_is_free():
    for name in ("digits", "model", "net", "kws", "vww_96", "tests", "all2", "my_test", "int8"):
        assert check_name(name) == identifier(Path(f"{name}.onnx")) == name
