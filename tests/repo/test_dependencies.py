"""What the package imports is declared, and what is declared is pinned."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

import pytest

from tests.repo.checkout import CHECKOUT, files

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
