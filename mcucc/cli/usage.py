"""What to say of a command line that is wrong: the nearest right word."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import click

_NEAR = 0.6

_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("convert", "codegen", "generate", "export", "cc", "c"), "compile"),
        **dict.fromkeys(("info", "show", "check", "summary", "ops", "list-ops"), "inspect"),
        **dict.fromkeys(("list", "targets", "devices", "list-boards", "board"), "boards"),
        **dict.fromkeys(("test", "validate", "compare"), "verify"),
        **dict.fromkeys(("simulate", "sim", "infer", "predict", "exec"), "run"),
        **dict.fromkeys(("benchmark", "profile", "measure", "time", "perf"), "bench"),
        **dict.fromkeys(("accuracy", "eval"), "evaluate"),
        **dict.fromkeys(("memory", "arena", "schedule"), "plan"),
        **dict.fromkeys(("make", "link", "flash", "elf"), "build"),
        **dict.fromkeys(("why", "reasons", "reason", "describe"), "explain"),
        "quantize": "compile MODEL --calib FILE",
    }
)
"""What people call a command."""

_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("-b", "-t", "-m", "--target", "--mcu", "--device", "--chip"), "--board"),
        **dict.fromkeys(("--cpu", "--core", "-mcpu"), "--board"),
        **dict.fromkeys(("--out", "--out-dir", "--output-dir", "--outdir", "-d"), "--output"),
        **dict.fromkeys(("-n", "--prefix", "--model-name"), "--name"),
        **dict.fromkeys(("-c", "--data", "--dataset", "--representative-dataset"), "--calib"),
        **dict.fromkeys(("-i", "--inputs", "--samples"), "--input"),
        **dict.fromkeys(("--shape", "--input_shape", "-s"), "--input-shape"),
        **dict.fromkeys(("--ram", "--memory", "--arena", "--arena-size"), "--sram"),
        **dict.fromkeys(("-j", "--format"), "--json"),
        **dict.fromkeys(("-O", "-O1", "-O2", "-O3", "-Ofast", "--optimize"), "--objective speed"),
        **dict.fromkeys(("-Os", "-Oz"), "--objective memory"),
        **dict.fromkeys(("-v", "--verbose"), "mcucc --debug COMMAND"),
        **dict.fromkeys(("-q", "--quiet", "--silent"), "--json"),
        **dict.fromkeys(("-V",), "mcucc --version"),
    }
)
"""What people call an option."""

_CHOICES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("size", "small", "ram", "space", "min", "low-memory"), "memory"),
        **dict.fromkeys(("fast", "time", "latency", "performance", "cycles"), "speed"),
        **dict.fromkeys(("float32", "f32", "fp32"), "float"),
        **dict.fromkeys(("i8", "s8", "signed"), "int8"),
        **dict.fromkeys(("u8", "unsigned"), "uint8"),
        **dict.fromkeys(("pc", "x86", "local", "native"), "host"),
        **dict.fromkeys(("board", "device", "target", "sim", "simulator"), "qemu"),
        **dict.fromkeys(("or-tools", "cpsat", "cp-sat"), "ortools"),
        **dict.fromkeys(("max", "absmax"), "minmax"),
        **dict.fromkeys(("row", "rows", "streaming"), "stream"),
        **dict.fromkeys(("layers", "whole"), "layer"),
        **dict.fromkeys(("tflite", "tflite-micro", "tensorflow"), "tflm"),
    }
)
"""What people call a value that is to be chosen."""

_MISSING: Mapping[str, str] = MappingProxyType(
    {
        "model": "Give the path of an ONNX file",
        "directory": "Give a directory that `mcucc compile` wrote",
        "targets": "Give ONNX files, or directories that `mcucc compile` wrote",
    }
)
"""What an argument is, by its name."""

_NO_VERBOSITY = "there is no verbosity: `--debug` before the command shows where an error arose"


def explain(error: click.ClickException, words: Sequence[str]) -> str:
    """The message of a wrong command line, with the nearest right word.

    Args:
        error: what click says.
        words: of the command line, of which click names the first letter of a short option alone.
    """
    message = error.format_message()
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.NoSuchOption):
        return _joined(error.message, _option(_whole(error.option_name, words), context))
    command = re.match(r"No such command '(.*?)'", message)
    if command and context is not None:
        return _joined(command[0], _command(command[1], context))
    if isinstance(error, click.BadParameter) and error.param is not None:
        return _joined(message, _value(message, error.param))
    extra = re.match(r"Got unexpected extra arguments? \((.*)\)", message)
    if extra and context is not None:
        return _joined(message, _extra(extra[1], context))
    if isinstance(error, click.BadOptionUsage) and error.option_name == "--board":
        return _joined(message, "`mcucc boards` lists them")
    return message


def show_usage_error(error: click.ClickException, message: str) -> None:
    """Print a wrong command line's usage and message to stderr, as click does its own."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    if context is not None:
        click.echo(
            f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n", err=True
        )
    click.echo(f"Error: {message}", err=True)


def _joined(message: str, advice: str) -> str:
    return f"{message.rstrip('.')}. {advice}" if advice else message


def _whole(option: str, words: Sequence[str]) -> str:
    """A short option with what is glued to it: -O3, not -O."""
    return next((word for word in words if len(option) == 2 and word.startswith(option)), option)


def _near(word: str, words: Iterable[str]) -> str:
    """The words that are like one, as a question; "" if none is."""
    found = difflib.get_close_matches(word.lower(), list(words), n=2, cutoff=_NEAR)
    return f"Did you mean {' or '.join(found)}?" if found else ""


def _option(name: str, context: click.Context | None) -> str:
    if context is None:
        return ""
    own = _options_of(context.command)
    if name in ("-v", "--verbose"):
        other = "" if context.parent else "; `--version` shows the version"
        return f"Did you mean --debug? {_NO_VERBOSITY[0].upper()}{_NO_VERBOSITY[1:]}{other}"
    if name in ("--debug", "--version"):
        return f"It stands before the command: `mcucc {name} ...`"
    if name not in own and isinstance(context.command, click.Group):
        users = [n for n, c in context.command.commands.items() if name in _options_of(c)]
        if users:
            return f"It stands behind a command: `mcucc {users[0]} ... {name}`"
    called = _OPTIONS.get(name) or _OPTIONS.get(name.lower())
    if called and called.split()[0] in own:
        return f"Did you mean {called}?"
    guess = _near(name.replace("_", "-"), own)
    return guess or f"Its options are {', '.join(sorted(own))}"


def _options_of(command: click.Command) -> list[str]:
    return [
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--")
    ]


def _command(word: str, context: click.Context) -> str:
    names = sorted(context.command.commands) if isinstance(context.command, click.Group) else []
    if re.search(r"\.(onnx|tflite|h5|keras|pt|pth|pb)$", word):
        return f"Did you mean `mcucc compile {word} --board BOARD`?"
    if word.lower() in _COMMANDS:
        return f"Did you mean `mcucc {_COMMANDS[word.lower()]}`?"
    return _near(word, names) or f"The commands are {', '.join(names)}"


def _value(message: str, parameter: click.Parameter) -> str:
    """The nearest choice, or what is missing."""
    if message.startswith("Missing argument"):
        return _MISSING.get(parameter.name or "", "")
    if not isinstance(parameter.type, click.Choice):
        return ""
    choices = [str(choice) for choice in parameter.type.choices]
    word = re.search(r"'([^']*)' is not (one of )?'", message)
    if word is None:
        return ""
    called = _CHOICES.get(word[1].lower(), "")
    if called in choices:
        return f"Did you mean {called}?"
    return _near(word[1], choices)


def _extra(words: str, context: click.Context) -> str:
    wanted = [p for p in context.command.params if isinstance(p, click.Argument)]
    if not wanted:
        return f"`{context.command_path}` takes no argument"
    name = (wanted[0].name or "").upper()
    return f"It takes one {name}: call `{context.command_path}` once for each, without '{words}'"
