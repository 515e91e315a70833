"""What the fault status registers of a Cortex-M say."""

import re

# Bits of CFSR, Armv7-M Architecture Reference Manual, B3.2.15; bit 20 from Armv8-M on.
_CFSR_BITS = {
    0: "instruction fetch from a forbidden address",
    1: "access to a forbidden address",
    4: "stacking for the exception failed",
    8: "instruction fetch from where there is no memory",
    9: "access to where there is no memory",
    10: "access to where there is no memory (address not recorded)",
    12: "stacking for the exception failed",
    16: "undefined instruction",
    17: "invalid state (a branch to an even address?)",
    18: "invalid exception return",
    19: "coprocessor or FPU is off",
    20: "stack overflow",
    24: "unaligned access",
    25: "division by zero",
}
_CFSR = re.compile(r"CFSR=0x(?P<value>[0-9a-f]{8})")


def explain_fault(line: str) -> str:
    """Appends the meaning of CFSR to a line that the fault handler printed."""
    match = _CFSR.search(line)
    value = int(match["value"], 16) if match is not None else 0
    meanings = [text for bit, text in _CFSR_BITS.items() if value >> bit & 1]
    return f"{line} ({'; '.join(meanings)})" if meanings else line
