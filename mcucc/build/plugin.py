"""The plugins for QEMU: the instruction counter and the profiler."""

from pathlib import Path

from mcucc.build.project import PLATFORM, Artifact, ArtifactKind
from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool


def build_count_plugin(work: Path) -> Artifact:
    """Builds the instruction counter into `work`.

    Raises:
        ToolchainError: gcc is missing.
    """
    return _build(work, "count_insn")


def build_profile_plugin(work: Path) -> Artifact:
    """Builds the profiler into `work`.

    Raises:
        ToolchainError: gcc is missing.
    """
    return _build(work, "profile_insn", "classes")


def _build(work: Path, *stems: str) -> Artifact:
    gcc = Compiler(find_tool(HOST_GCC))
    target = work.resolve() / f"{stems[0]}.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    sources = [str(PLATFORM / "qemu_plugin" / f"{stem}.c") for stem in stems]
    shared = ["-O2", "-fPIC", "-shared", "-fvisibility=hidden"]
    gcc.run([*WARNINGS, *shared, *sources, "-o", str(target)], cwd=target.parent)
    return Artifact(target, ArtifactKind.QEMU_PLUGIN)
