"""The instruction counter, a plugin for QEMU."""

from pathlib import Path

from mcucc.build.project import PLATFORM, Artifact, ArtifactKind
from mcucc.build.toolchain import HOST_GCC, WARNINGS, Compiler, find_tool


def build_count_plugin(work: Path) -> Artifact:
    """Builds the plugin into `work`.

    Raises:
        ToolchainError: gcc is missing.
    """
    gcc = Compiler(find_tool(HOST_GCC))
    target = work.resolve() / "count_insn.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    source = PLATFORM / "qemu_plugin" / "count_insn.c"
    shared = ["-O2", "-fPIC", "-shared", "-fvisibility=hidden"]
    gcc.run([*WARNINGS, *shared, str(source), "-o", str(target)], cwd=target.parent)
    return Artifact(target, ArtifactKind.QEMU_PLUGIN)
