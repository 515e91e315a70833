"""Finding and calling the compilers."""

import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mcucc.build.process import run_child, tail
from mcucc.errors import ToolchainError

HOST_GCC = "gcc"
HOST_CLANG = "clang"
ARM_GCC = "arm-none-eabi-gcc"

WARNINGS: tuple[str, ...] = (
    "-std=c99",
    "-pedantic",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wshadow",
    "-Wundef",
    "-Wcast-align",
    "-Wcast-qual",
    "-Werror",
)
"""The language and the warnings under which generated code must compile silently."""

PACKAGES: Mapping[str, str] = MappingProxyType(
    {
        HOST_GCC: "gcc libc6-dev",
        HOST_CLANG: "clang libclang-rt-14-dev libc6-dev",
        ARM_GCC: "gcc-arm-none-eabi libnewlib-arm-none-eabi",
        "qemu-system-arm": "qemu-system-arm",
    }
)
"""Debian packages by the program they provide."""

_TIMEOUT_S = 300.0


def find_tool(name: str, search_path: str | None = None) -> Path:
    """Returns the path of one of the programs of `PACKAGES`.

    Args:
        name: a key of `PACKAGES`.
        search_path: directories as in PATH; None for those of the environment.

    Raises:
        ToolchainError: the program is not there; the message names its Debian packages.
    """
    found = shutil.which(name, path=search_path)
    if found is None:
        raise ToolchainError(
            f"{name} was not found; install it (on Debian: apt-get install {PACKAGES[name]})"
        )
    return Path(found)


def has_tool(name: str, search_path: str | None = None) -> bool:
    """Whether `find_tool` would find the program."""
    return shutil.which(name, path=search_path) is not None


@dataclass(frozen=True)
class Compiler:
    """A gcc or clang with the options that all calls share.

    Attributes:
        path: the compiler's driver.
        flags: options of the target, such as `-mcpu=cortex-m4`.
    """

    path: Path
    flags: tuple[str, ...] = ()

    @property
    def is_clang(self) -> bool:
        """Whether it is clang, which knows some options of gcc and not others."""
        return self.path.name.startswith(HOST_CLANG)

    def compile(self, source: Path, target: Path, flags: Sequence[str]) -> Path:
        """Compiles one C file into the object `target` and returns its path.

        Raises:
            ToolchainError: the compiler failed or took too long.
        """
        self.run([*flags, "-c", str(source), "-o", str(target)], cwd=source.parent)
        return target

    def run(self, arguments: Sequence[str], *, cwd: Path) -> None:
        """Calls the compiler.

        Raises:
            ToolchainError: it failed; the message holds the command and the end of what the
                compiler said.
        """
        command = [str(self.path), *self.flags, *arguments]
        done = run_child(command, cwd=cwd, timeout_s=_TIMEOUT_S, environment={"LC_ALL": "C"})
        if done.timed_out:
            raise ToolchainError(f"no end after {_TIMEOUT_S:g} s: {shlex.join(command)}")
        if done.returncode != 0:
            raise ToolchainError(
                f"{self.path.name} failed with status {done.returncode}:\n"
                f"{tail(done.stderr)}\nThe command was: {shlex.join(command)}"
            )


def arm_clang(gcc: Compiler, core_flags: Sequence[str]) -> Compiler:
    """Clang for a core, with the C library's headers of arm-none-eabi-gcc.

    Args:
        gcc: arm-none-eabi-gcc.
        core_flags: a core's `gcc_flags`; what the core has of an FPU clang takes from -mcpu.

    Raises:
        ToolchainError: clang is not there, or the C library is not.
    """
    done = run_child(
        [str(gcc.path), "-print-file-name=libc.a"], cwd=Path("/"), timeout_s=_TIMEOUT_S
    )
    headers = Path(done.stdout.strip()).resolve().parent.parent / "include"
    if not headers.is_dir():
        raise ToolchainError(
            f"{gcc.path.name} has no C library; install it (on Debian: apt-get install "
            f"{PACKAGES[ARM_GCC]})"
        )
    flags = (flag for flag in core_flags if flag != "-mfpu=auto")
    target = ("--target=arm-none-eabi", "-isystem", str(headers))
    return Compiler(find_tool(HOST_CLANG), (*target, *flags))
