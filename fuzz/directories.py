"""The kind `directory`: compiled directories that somebody has changed."""

import functools
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, cast

from fuzz.case import Case, Kind, Outcome
from fuzz.command import call, judge_command, no_compilers
from fuzz.messages import FLOATS, INTEGERS, TEXTS, damaged

DIRECTORY = "net"
_EXAMPLES = Path(__file__).parents[1] / "examples" / "digits"
_MODEL, _SAMPLES = "model.onnx", "samples.npz"
_FOLDER, _LOOP, _DANGLING = b"<a folder>", b"<a link to itself>", b"<a link to nothing>"
"""Content that stands for no file at all."""

_ALLOWED = (0, 1, 2, 3, 4, 5)
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        [],
        {},
        "",
        "..",
        "/",
        "a/b",
        [1],
        {"a": 1},
        1e308,
        -1,
        0,
        1,
        2**31,
        2**63,
        10**30,
    ),
    *("\u0000", "x" * 3000, [[[[[]]]]], "report.json", -(2**40), 100_000_000, 0.5),
)


@dataclass(frozen=True)
class Directories(Kind):
    """Whatever a directory holds, commands end with a code that they may end with."""

    name: str = "directory"
    per_round: int = 1
    batch: int = 4
    starts_sanitized: bool = True

    def draw(self, seed: int) -> Case:
        """The compiled example with some damage, and a command that reads it."""
        random = Random(f"directory {seed}")
        files = dict(_compiled())
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            _damage(files, random)
        below = {f"{DIRECTORY}/{name}": content for name, content in files.items()}
        needed = {
            _SAMPLES: (_EXAMPLES / "test_images.npz").read_bytes(),
            _MODEL: (_EXAMPLES / "digits_int8.onnx").read_bytes(),
        }
        return Case(self.name, seed, _command(random), below | needed)

    def judge(self, cases: Sequence[Case], folder: Path) -> list[Outcome]:
        """Any code but that of a bug."""
        return [self._judge(case, folder) for case in cases]

    def smaller(self, case: Case) -> Iterator[Case]:
        """With one file as it was."""
        for name, content in _compiled().items():
            below = f"{DIRECTORY}/{name}"
            if case.files.get(below) != content:
                yield replace(case, files={**case.files, below: content})

    def _judge(self, case: Case, folder: Path) -> Outcome:
        special = {n: c for n, c in case.files.items() if c in (_FOLDER, _LOOP, _DANGLING)}
        plain = {name: c for name, c in case.files.items() if name not in special}
        return judge_command(
            replace(case, files=plain), folder, _ALLOWED, prepare=lambda: _make(special, folder)
        )


def _make(special: Mapping[str, bytes], folder: Path) -> None:
    (folder / DIRECTORY).mkdir(exist_ok=True)
    for name, content in special.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content == _FOLDER:
            path.mkdir()
        else:
            path.symlink_to(path.name if content == _LOOP else "nothing")


@functools.cache
def _compiled() -> Mapping[str, bytes]:
    """The files of a compiled network; small ones, so that runs are quick."""
    with tempfile.TemporaryDirectory() as name, no_compilers():
        model, out = Path(name) / "digits.onnx", Path(name) / "out"
        shutil.copy(_EXAMPLES / "digits_int8.onnx", model)
        done = call(("compile", str(model), "--board", "mps2-an386", "-o", str(out)))
        assert done.code == 0, done.stderr
        found = sorted(path for path in out.rglob("*") if path.is_file())
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in found}


def _command(random: Random) -> tuple[str, ...]:
    match random.choice(
        ("report", "report", "run", "run", "verify", "evaluate", "build", "compile")
    ):
        case "report":
            return ("report", DIRECTORY, *random.choice(((), ("--json",))))
        case "run":
            return ("run", DIRECTORY, "--input", _SAMPLES)
        case "evaluate":
            return ("evaluate", DIRECTORY, "--input", _SAMPLES, "--labels", _SAMPLES)
        case "build":
            return ("build", DIRECTORY)
        case "compile":
            return ("compile", _MODEL, "--board", "nucleo-f446re", "-o", DIRECTORY)
        case _:
            return ("verify", DIRECTORY)


def _damage(files: dict[str, bytes], random: Random) -> None:
    """Change a file, most often one that mcucc reads itself."""
    read = [n for n in files if n.endswith((".json", ".ir", ".tflite"))]
    name = random.choice(read if read and random.random() < 0.75 else sorted(files))
    action = random.choice(("content", "content", "content", "gone", "empty", "special", "text"))
    content = files[name]
    if action == "gone":
        del files[name]
    elif action == "empty":
        files[name] = b""
    elif action == "special":
        files[name] = random.choice((_FOLDER, _LOOP, _DANGLING))
    elif name.endswith(".json"):
        files[name] = _other_document(content, random)
    elif name.endswith(".ir"):
        files[name] = _other_text(content, random)
    elif name.endswith(".tflite"):
        files[name] = damaged(content, random)
    else:
        # Other C would be run as it is: only such as does not compile.
        files[name] = content[: random.randrange(1 + len(content) // 2)] + b"\n#error\n"


def _other_document(content: bytes, random: Random) -> bytes:
    if random.random() < 0.2:
        return damaged(content, random)
    try:
        document = json.loads(content)
    except (ValueError, UnicodeDecodeError):
        return damaged(content, random)
    places = list(_places(document))
    if not places:
        return b"[]"
    holder, key = random.choice(places)
    match random.choice(("value", "value", "value", "drop", "double", "number")):
        case "drop":
            del holder[key]
        case "double":
            holder[key] = [holder[key], holder[key]]
        case "number" if isinstance(holder[key], int | float):
            holder[key] = random.choice((*INTEGERS, *FLOATS, holder[key] + 1, holder[key] - 1))
        case _:
            holder[key] = random.choice((*_VALUES, *TEXTS[:20]))
    return json.dumps(document).encode("utf-8", "surrogatepass")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document that holds a value: the container, and the key or index."""
    keys: list[Any] = []
    if isinstance(value, dict):
        keys = list(cast("dict[str, Any]", value))
    elif isinstance(value, list):
        keys = list(range(len(cast("list[Any]", value))))
    for key in keys:
        yield value, key
        yield from _places(value[key])


def _other_text(content: bytes, random: Random) -> bytes:
    """Lines dropped, doubled, or with other numbers or words."""
    lines = content.decode("utf-8", "replace").splitlines()
    if not lines or random.random() < 0.15:
        return damaged(content, random)
    index = random.randrange(len(lines))
    match random.choice(("drop", "double", "swap", "word", "word", "word")):
        case "drop":
            del lines[index]
        case "double":
            lines.insert(index, lines[index])
        case "swap":
            other = random.randrange(len(lines))
            lines[index], lines[other] = lines[other], lines[index]
        case _:
            words = lines[index].split(" ")
            at = random.randrange(len(words))
            words[at] = random.choice(
                (*map(str, INTEGERS), "", "nan", "1e400", "[", "%x", "()", words[0])
            )
            lines[index] = " ".join(words)
    return "\n".join(lines).encode()
