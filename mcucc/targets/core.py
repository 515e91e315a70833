"""What processor cores can do, and how the compiler is told about it.

It stands here in `CORES` and nowhere else: other code asks a core for its capabilities and never
compares names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Core:
    """Capabilities of a processor core (Arm's technical reference manual of each core).

    Attributes:
        name: Arm's name in lower case, as board files use it.
        arch: architecture as gcc spells it.
        has_thumb: it is a Cortex-M at all. Without, it is the computer that mcucc runs on: its
            kernels are plain C, it has 64-bit addresses, and there is no program to build or
            simulate.
        has_thumb2: 32-bit Thumb instructions, such as MLA and SMULL, and with them every operand in
            any register. Without them there are eight registers for most operands, and products
            have 32 bits.
        has_dsp: the DSP extension: SIMD within 32-bit words, such as SMLAD and SSAT16.
        has_mve: the M-profile vector extension (Helium).
        has_fpu: floating-point registers and instructions, single precision at least.
        unaligned_ok: words and half-words may be loaded and stored at any address of normal
            memory (the reset setting of the core). Double-word and multiple accesses never.
        gcc_flags: options that make arm-none-eabi-gcc 12 compile for the core. With an FPU
            the ABI is hard float, which is what vendors' projects for such parts use, as
            objects of different float ABIs do not link. Double precision is not assumed.
    """

    name: str
    arch: str
    has_thumb: bool
    has_thumb2: bool
    has_dsp: bool
    has_mve: bool
    has_fpu: bool
    unaligned_ok: bool
    gcc_flags: tuple[str, ...]

    @property
    def address_bits(self) -> int:
        """Bits of an address."""
        return 32 if self.has_thumb else 64


def _plain_core(name: str, arch: str, *, has_thumb2: bool) -> Core:
    flags = (f"-mcpu={name}", "-mthumb", "-mfloat-abi=soft")
    return Core(
        name,
        arch,
        has_thumb=True,
        has_thumb2=has_thumb2,
        has_dsp=False,
        has_mve=False,
        has_fpu=False,
        unaligned_ok=has_thumb2,
        gcc_flags=flags,
    )


def _dsp_core(name: str, arch: str, fpu: str, *, has_mve: bool = False) -> Core:
    flags = (f"-mcpu={name}", "-mthumb", f"-mfpu={fpu}", "-mfloat-abi=hard")
    return Core(
        name,
        arch,
        has_thumb=True,
        has_thumb2=True,
        has_dsp=True,
        has_mve=has_mve,
        has_fpu=True,
        unaligned_ok=True,
        gcc_flags=flags,
    )


_HOST = Core(
    "host",
    "any",
    has_thumb=False,
    has_thumb2=False,
    has_dsp=False,
    has_mve=False,
    has_fpu=True,
    unaligned_ok=False,
    gcc_flags=(),
)

# DSP and FPU are options of the M33, the FPU is one of the M4, M7 and M55 and Helium one of the
# M55. Each entry is the variant which the parts on the market have. Some M7 (STM32F746) have
# single precision only, so that is what code for any M7 may use; the ABI is the same. gcc takes
# Helium and the FPU of the M55 from -mcpu.
CORES: Mapping[str, Core] = MappingProxyType(
    {
        core.name: core
        for core in (
            _plain_core("cortex-m0", "armv6s-m", has_thumb2=False),
            _plain_core("cortex-m0plus", "armv6s-m", has_thumb2=False),
            _plain_core("cortex-m3", "armv7-m", has_thumb2=True),
            _dsp_core("cortex-m4", "armv7e-m", "fpv4-sp-d16"),
            _dsp_core("cortex-m7", "armv7e-m", "fpv5-sp-d16"),
            _dsp_core("cortex-m33", "armv8-m.main", "fpv5-sp-d16"),
            _dsp_core("cortex-m55", "armv8.1-m.main", "auto", has_mve=True),
            _HOST,
        )
    }
)
"""Every core that a board file may name, by name."""
