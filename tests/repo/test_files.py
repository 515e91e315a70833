"""Rules for the files of the repository: what must exist, what they must not say, their size."""

import ast
import re
from pathlib import Path

from tests.repo.checkout import CHECKOUT, files, relative, text

MAX_PYTHON_LINES = 400
MAX_FUNCTION_LINES = 40
"""Without the docstring."""
MAX_C_LINES = 300

# Written such that these patterns do not match themselves.
_MACHINE_PATH = re.compile(r"(?<![\w.<])/(home|root|work|tmp|Users)/\w")
_REGISTRY_HOST = re.compile(
    r"(pypi|pythonhosted|artifactory|nexus|proxy\.golang)[\w-]*\.\w|(extra-)?index-url|trusted-host",
    re.I,
)


def test_the_usual_files_exist() -> None:
    names = "README.md LICENSE CHANGELOG.md CONTRIBUTING.md Makefile .ci/run .gitignore"
    for name in (*names.split(), "pyproject.toml", "constraints.txt"):
        assert (CHECKOUT / name).is_file(), name
    folders = "mcucc runtime_c templates tests boards examples docs bench"
    for name in folders.split():
        assert (CHECKOUT / name).is_dir(), name


def test_the_license_leaves_generated_files_to_the_user() -> None:
    license_text = (CHECKOUT / "LICENSE").read_text()
    assert "Apache License" in license_text
    assert "What mcucc generates is yours" in license_text


def test_the_readme_opens_with_the_two_commands() -> None:
    opening = re.search(r"```\w*\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.S)
    assert opening is not None
    commands = [line.partition("#")[0].strip() for line in opening[1].splitlines()]
    assert commands == ["make demo", "make test"]
    makefile = (CHECKOUT / "Makefile").read_text()
    for command in commands:
        assert re.search(rf"^{command.split()[1]}:.*##", makefile, re.M)
    assert "make test" in (CHECKOUT / ".ci" / "run").read_text()


def test_make_check_holds_the_layers() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    check = makefile.partition("\ncheck:")[2].partition("\n\n")[0]
    for tool in ("ruff format --check", "ruff check", "basedpyright", "lint-imports"):
        assert tool in check


def test_every_module_has_its_floor() -> None:
    """import-linter passes over a module that no layer names."""
    layers = (CHECKOUT / "pyproject.toml").read_text().partition("layers = [")[2].partition("]")[0]
    named = set(re.findall(r"mcucc\.(\w+)", layers))
    modules = {path.stem for path in (CHECKOUT / "mcucc").glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in (CHECKOUT / "mcucc").glob("*/__init__.py")}
    assert named == modules | packages


def test_the_package_itself_is_small() -> None:
    """Everything else has a room."""
    modules = {path.stem for path in (CHECKOUT / "mcucc").glob("*.py")}
    assert modules == {"__init__", "__main__", "errors", "progress", "resources"}


def test_no_file_names_a_machine_or_a_registry() -> None:
    found = [
        f"{relative(path)}: {match[0]}"
        for path in files()
        for match in _named_places(text(path) or "")
    ]
    assert found == []


def _named_places(content: str) -> list[re.Match[str]]:
    if content == Path(__file__).read_text():
        return []
    return [*_MACHINE_PATH.finditer(content), *_REGISTRY_HOST.finditer(content)]


def test_python_files_and_functions_are_short() -> None:
    found: list[str] = []
    for path in files(".py"):
        content = path.read_text()
        if content.count("\n") > MAX_PYTHON_LINES:
            found.append(f"{relative(path)}: {content.count(chr(10))} lines")
        for node in ast.walk(ast.parse(content)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = _lines(node)
                if lines > MAX_FUNCTION_LINES:
                    found.append(f"{relative(path)}: {node.name} has {lines} lines")
    assert found == []


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = _span(first) if documented else 0
    return _span(function) - docstring


def _span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_templates_and_runtime_files_are_short() -> None:
    folders = (CHECKOUT / "templates", CHECKOUT / "runtime_c")
    lengths = {
        relative(path): len(path.read_text().splitlines())
        for path in files()
        if any(path.is_relative_to(folder) for folder in folders)
    }
    assert lengths
    assert {name: n for name, n in lengths.items() if n > MAX_C_LINES} == {}
