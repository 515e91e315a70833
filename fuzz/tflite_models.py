"""The kind `tflite`: damaged and hostile `.tflite` files."""

import functools
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np

from fuzz.case import Case, Kind, Outcome
from fuzz.command import judge_command, no_compilers
from fuzz.messages import damaged
from fuzz.networks import draw_network
from mcucc.errors import UnsupportedModelError
from mcucc.importer import ModelBytes, lower_network, read_network
from mcucc.passes import FLOAT, run_passes
from mcucc.quant.neutral import neutral_form
from mcucc.twin import write_twin

MODEL = "model.tflite"
_BASES = 60
"""Different networks that are damaged."""

_DRAWS = 12
"""Draws for a base: what a twin needs beside the file's operators is not always taken again."""

_WORDS = (0, 1, 2, 3, 4, 5, 8, 127, 255, 256, 32767, 65535, 1 << 20, 0x7FFFFFFF, 0x80000000)
_LARGEST_LINK = 1 << 14
"""Words below are offsets, lengths, sizes, indices or codes, hardly ever weights."""


@dataclass(frozen=True)
class TfliteModels(Kind):
    """Commands on damaged files end with a code that they may end with."""

    name: str = "tflite"
    per_round: int = 40
    batch: int = 20

    def draw(self, seed: int) -> Case:
        """A network's file with some damage, and a command that reads it."""
        random = Random(f"tflite {seed}")
        content = base_file(random.randrange(_BASES))
        for _ in range(random.choice((1, 1, 1, 1, 2, 2, 4))):
            content = _overwritten(content, random)
        if random.random() < 0.2:
            content = damaged(content, random)
        return Case(self.name, seed, _command(random), {MODEL: content})

    def judge(self, cases: Sequence[Case], folder: Path) -> list[Outcome]:
        """Only codes of refusals, no crash."""
        with no_compilers():
            return [judge_command(case, folder) for case in cases]

    def smaller(self, case: Case) -> Iterator[Case]:
        """The same command on a file that is cut off."""
        content = case.files[MODEL]
        for length in (len(content) // 2, len(content) * 3 // 4, len(content) - 4):
            yield replace(case, files={**case.files, MODEL: content[:length]})


def _command(random: Random) -> tuple[str, ...]:
    board = random.choice(("nucleo-f446re", "rpi-pico", "mps3-an547"))
    match random.choice(("compile", "compile", "inspect", "inspect", "plan")):
        case "inspect":
            return ("inspect", MODEL)
        case "plan":
            return ("plan", MODEL, "--board", board)
        case _:
            # Without --check: a map of a million rows is taken, and its proof takes a minute.
            return ("compile", MODEL, "--board", board, "-o", "out")


@functools.cache
def base_file(index: int) -> bytes:
    """One of the files that are damaged: the twin of a drawn network, such as is taken again."""
    for draw in range(_DRAWS):
        proto, _ = draw_network(np.random.default_rng([2, index, draw]))
        try:
            graph = lower_network(read_network(ModelBytes(proto.SerializeToString())), "net")
            twin = write_twin(neutral_form(run_passes(graph, FLOAT)[0]))
            lower_network(read_network(ModelBytes(twin)), "net")
        except UnsupportedModelError:
            continue
        return twin
    return base_file(index + _BASES)


def _overwritten(content: bytes, random: Random) -> bytes:
    """The same file with one of its offsets, lengths, sizes, indices or codes changed."""
    data = bytearray(content)
    at, word = 0, 0
    for _ in range(50):
        at = random.randrange(0, len(data) - 3, 4)
        (word,) = struct.unpack_from("<I", data, at)
        if 0 < word < _LARGEST_LINK or word > 0xFFFFFF00:
            break
    value = random.choice((*_WORDS, len(data), len(data) - 4, random.getrandbits(32)))
    near = (word + random.choice((-8, -4, -1, 1, 4, 8))) % (1 << 32)
    struct.pack_into("<I", data, at, random.choice((value, near)))
    if random.random() < 0.2:  # fields of one byte: types, codes, activations
        data[random.randrange(len(data))] = random.randrange(40)
    return bytes(data)
