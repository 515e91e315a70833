"""The kind `board`: damaged and hostile board files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from fuzz.case import Case, Kind, Outcome
from fuzz.command import judge_command, no_compilers
from fuzz.messages import TEXTS, damaged
from fuzz.models import base_network

MODEL, BOARD = "model.onnx", "board.toml"
_BOARDS = Path(__file__).parents[1] / "boards"
_NETWORKS = (1, 2, 3, 4, 5, 20)
_VALUES = (
    *("0", "1", "-1", "1.5", "true", "inf", "nan", "[]", "{}", '""', "[[]]", "2026-01-01", "0x10"),
    *("1024", "65536", "4294967296", "9223372036854775807", "123456789012345678901234567890"),
    *('"cortex-m4"', '"cortex-m99"', '"sram"', '"flash"', '"mps2-an386"', '"x\\u0000y"', "[1, 2]"),
    *('"' + "x" * 5000 + '"', "[" * 600 + "]" * 600, "[" * 90_000, "{a = " * 400 + "1" + "}" * 400),
)


@dataclass(frozen=True)
class Boards(Kind):
    """Compiling for a damaged board ends with a code that it may end with."""

    name: str = "board"
    per_round: int = 1
    batch: int = 20

    def draw(self, seed: int) -> Case:
        """A network and a board file with some damage."""
        random = Random(f"board {seed}")
        text = random.choice(sorted(_BOARDS.glob("*.toml"))).read_text(encoding="utf-8")
        for _ in range(random.choice((1, 1, 1, 2, 3))):
            text = _changed(text, random)
        content = text.encode("utf-8", "surrogatepass")
        if random.random() < 0.15:
            content = damaged(content, random)
        arguments = (random.choice(("compile", "compile", "plan")), MODEL, "--board", BOARD)
        if arguments[0] == "compile":
            arguments += ("-o", "out", "--observer", "minmax")
        if random.random() < 0.3:
            sizes = ("0", "1", "100", "4096", "20000", "131072", "99999999999", "-5", "64K", "x")
            arguments += ("--sram", random.choice(sizes))
        model = base_network(random.choice(_NETWORKS))
        return Case(self.name, seed, arguments, {MODEL: model, BOARD: content})

    def judge(self, cases: Sequence[Case], folder: Path) -> list[Outcome]:
        """Only codes of refusals, no crash."""
        with no_compilers():
            return [judge_command(case, folder) for case in cases]

    def smaller(self, case: Case) -> Iterator[Case]:
        """Files with fewer lines."""
        lines = case.files[BOARD].splitlines(keepends=True)
        for index in range(len(lines)):
            less = b"".join(lines[:index] + lines[index + 1 :])
            yield replace(case, files={**case.files, BOARD: less})


def _changed(text: str, random: Random) -> str:
    lines = text.splitlines()
    if not lines:
        return random.choice(TEXTS)
    index = random.randrange(len(lines))
    match random.choice(("drop", "double", "value", "value", "value", "key", "table", "digit")):
        case "drop":
            del lines[index]
        case "double":
            lines.insert(random.randrange(len(lines)), lines[index])
        case "value" if "=" in lines[index]:
            lines[index] = f"{lines[index].split('=')[0]}= {random.choice(_VALUES)}"
        case "key" if "=" in lines[index]:
            lines[index] = f"{random.choice(('size', 'core', 'a.b.c', 'x', ''))} = 1"
        case "table":
            lines.insert(
                index, random.choice(("[[memory]]", "[qemu]", "[memory]", "[a.b]", "[[x]]"))
            )
        case _:
            lines[index] = "".join(
                random.choice("0123456789abcdefxF_") if c.isdigit() and random.random() < 0.3 else c
                for c in lines[index]
            )
    return "\n".join(lines) + "\n"
