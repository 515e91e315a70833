"""What the package imports is declared, and what is declared is pinned."""

import ast
import re
import runpy
import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

import pytest

from mcucc.memory import ortools_place
from mcucc.sim import onnx_runtime, tflm
from tests.repo.checkout import CHECKOUT, files, text

_PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _names(requirements: list[str]) -> set[str]:
    return {_canonical(re.split(r"[^\w.-]", r, maxsplit=1)[0]) for r in requirements}


def _imported() -> set[str]:
    """Top-level names of all modules that the package imports."""
    found: set[str] = set()
    for path in files(".py"):
        if not path.is_relative_to(CHECKOUT / "mcucc"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"mcucc"}


def test_every_import_is_a_declared_dependency_and_the_reverse() -> None:
    """Optional are two judges, TFLM and ONNX Runtime, and a solver: an extra for each purpose."""
    distributions = packages_distributions()
    optional = {"tflite_micro", "onnxruntime", "ortools"}
    imported = {_canonical(distributions[name][0]) for name in _imported() - optional}
    assert imported == _names(_PROJECT["project"]["dependencies"])
    extras = _PROJECT["project"]["optional-dependencies"]
    assert _names(extras["verify"]) == {"tflite-micro", "onnxruntime"}
    assert _names(extras["solver"]) == {"ortools"}


def _pins() -> dict[str, str]:
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    pins = [re.fullmatch(r"([A-Za-z0-9][\w.-]*)==(\d[\w.!+]*)", line) for line in lines]
    assert all(pins), [line for line, pin in zip(lines, pins, strict=True) if pin is None]
    return {_canonical(pin[1]): pin[2] for pin in pins if pin is not None}


def test_constraints_are_names_and_exact_versions() -> None:
    lines = (CHECKOUT / "constraints.txt").read_text().splitlines()
    assert len(_pins()) == len(lines)
    assert [line.lower() for line in lines] == sorted(line.lower() for line in lines)


@pytest.mark.parametrize("group", ["run", "verify", "solver", "dev"])
def test_every_dependency_is_pinned(group: str) -> None:
    requirements = {
        "run": _PROJECT["project"]["dependencies"],
        "verify": _PROJECT["project"]["optional-dependencies"]["verify"],
        "solver": _PROJECT["project"]["optional-dependencies"]["solver"],
        "dev": _PROJECT["dependency-groups"]["dev"],
    }[group]
    assert _names(requirements) <= set(_pins())


def test_what_hints_tell_to_install_is_what_the_extras_have() -> None:
    """mcucc itself is in no registry: a hint names the package that is missing."""
    extras = _PROJECT["project"]["optional-dependencies"]
    declared = {r.partition(";")[0] for name in ("solver", "verify") for r in extras[name]}
    assert declared == {ortools_place.REQUIREMENT, onnx_runtime.REQUIREMENT, tflm.REQUIREMENT}
    for path in files(".py", ".md"):
        outside = path.name in ("test_dependencies.py", "CHANGELOG.md")
        assert outside or not re.search(r"pip install '?mcucc\b", text(path) or ""), path


def test_a_judge_that_exists_nowhere_near_is_not_advised() -> None:
    assert f"pip install '{tflm.REQUIREMENT}'" in str(
        tflm.TflmAbsentError(system="linux", machine="x86_64")
    )
    for system, machine in (("darwin", "arm64"), ("linux", "aarch64"), ("win32", "AMD64")):
        message = str(tflm.TflmAbsentError(system=system, machine=machine))
        assert f"and this is {system} on {machine}" in message
        assert "pip install" not in message


def test_an_old_python_is_refused_while_the_metadata_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`pip install` calls the hook; with extras it would else search for minutes."""
    hook = runpy.run_path(str(CHECKOUT / "hatch_build.py"))["OldPythonHook"](str(CHECKOUT), {})
    hook.update({})
    for version in ((3, 10, 13), (3, 9, 0), (3, 8, 18)):
        monkeypatch.setattr(sys, "version_info", version)
        found = ".".join(map(str, version))
        with pytest.raises(SystemExit, match=rf"needs Python 3\.11 or newer, and this is {found}"):
            hook.update({})
    assert _PROJECT["project"]["requires-python"] == ">=3.11"
    assert "custom" in _PROJECT["tool"]["hatch"]["metadata"]["hooks"]
