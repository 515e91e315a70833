"""What to say of a board that does not exist: the nearest ones, or why there can be none."""

import difflib
import re
from collections.abc import Mapping, Sequence

_OTHER_CORES: Sequence[tuple[str, str]] = (
    (r"esp32-?_?(c|h|p)\d", "RISC-V"),
    (r"esp-?_?(32|8266|8285)", "Xtensa"),
    (r"m5stack|ttgo|xiao-?esp|lolin|wemos|nodemcu", "Xtensa"),
    (
        r"(arduino-?)?(uno|mega|nano|leonardo|micro)(-?(r3|2560|328|every))?$|atmega|attiny|avr",
        "AVR",
    ),
    (r"gd32vf?|ch32v|k210|kendryte|maix|hifive|longan|bl602|bl808|risc-?v|milk-?v", "RISC-V"),
    (r"(raspberry-?pi|rpi)-?(zero|[1-5])|beagle|imx8|stm32mp|orange-?pi|cortex-a", "Cortex-A"),
    (r"jetson|nvidia|gpu|cuda", "GPU and Cortex-A"),
    (r"pic(16|18|24|32)|dspic", "PIC"),
    (r"msp430", "MSP430"),
    (r"x86|amd64|i[3-9]86|linux|macos|windows|pc$", "computer's"),
)
"""Families of boards and chips whose cores mcucc does not compile for."""


def unknown_board(wanted: str, boards: Mapping[str, str], cores: Sequence[str]) -> str:
    """A sentence on an id of a board that does not exist.

    Args:
        wanted: what the user wrote.
        boards: what is searched of each board, by its id: its name, the part on it, its core.
        cores: names of the cores that mcucc compiles for.
    """
    word = re.sub(r"[\s_]+", "-", wanted.lower())
    said = f"there is no board '{wanted}'"
    near = _near(word, boards)
    if near:
        return (
            f"{said} (did you mean {' or '.join(near)}?); `mcucc boards` lists all of them, and a "
            "path that ends in .toml names a file of your own"
        )
    other = next((core for pattern, core in _OTHER_CORES if re.search(pattern, word)), "")
    why = f" (it has {_article(other)} {other} core)" if other else ""
    return (
        f"{said}{why}; mcucc compiles for {', '.join(cores)}: `mcucc boards` lists all of them, "
        "and a path that ends in .toml names a file of your own for any other part with such a core"
    )


def _near(word: str, boards: Mapping[str, str]) -> Sequence[str]:
    """At most three ids that are like a word, or whose board or part is named in it."""
    core = re.fullmatch(r"(?:arm-)?(?:cortex-?)?(m\d+(?:plus|\+)?)", word)
    if core:
        name = f"cortex-{core[1].replace('+', 'plus')}"
        found = [id_ for id_, text in boards.items() if name in text.lower().split()]
        if found:
            return found[:3]
    letters = re.sub(r"[^a-z0-9]", "", word)
    named = [
        id_
        for id_, text in boards.items()
        if len(letters) >= 4 and letters in re.sub(r"[^a-z0-9]", "", f"{id_}{text}".lower())
    ]
    if named:
        return named[:3]
    if any(re.search(pattern, word) for pattern, _ in _OTHER_CORES):
        return ()
    return difflib.get_close_matches(word, list(boards), n=3, cutoff=0.5)


def _article(word: str) -> str:
    return "an" if word[0] in "AEIOX" else "a"
