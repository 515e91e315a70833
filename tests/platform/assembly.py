"""Networks whose run function is written in assembly."""


def assembly(body: str) -> str:
    """Returns a network that is written in assembly."""
    lines = [
        ".syntax unified", ".text", ".balign 4", ".global tiny_run", ".thumb_func",
        "tiny_run:", *body.split("\n"),
    ]  # fmt: skip
    return "__asm__(" + "\n        ".join(f'"{line.strip()}\\n"' for line in lines) + ");\n"
