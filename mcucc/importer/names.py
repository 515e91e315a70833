"""Names that a network may have: they become files, symbols of C and a target of CMake."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mcucc.errors import UsageError

_WORDS = """
auto break case char const continue default do double else enum extern float for goto if inline int
long register restrict return short signed sizeof static struct switch typedef union unsigned void
volatile while main asm fortran typeof typeof_unqual
alignas alignof bool constexpr false nullptr static_assert thread_local true
and and_eq bitand bitor catch char16_t char32_t char8_t class co_await co_return co_yield compl
concept const_cast consteval constinit decltype delete dynamic_cast explicit export final friend
import module mutable namespace new noexcept not not_eq operator or or_eq override private protected
public reinterpret_cast requires static_cast template this throw try typeid typename using virtual
wchar_t xor xor_eq
i386 linux unix"""
"""Keywords of C up to C23 and of C++ up to C++20, and macros that gcc defines unasked."""

_HEADERS = """
assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign
stdarg stdatomic stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath
threads time uchar wchar wctype
aio alloca argz byteswap cpio dirent dlfcn elf endian envz err error fcntl fmtmsg fnmatch ftw
getopt glob grp iconv ieeefp langinfo libgen link machine malloc memory monetary mqueue ndbm netdb
newlib poll pthread pwd reent regex sched search semaphore spawn strings syslog tar termios unistd
unwind utime utmpx values varargs wordexp
arm_acle arm_bf16 arm_cde arm_cmse arm_fp16 arm_math arm_mve arm_neon cmsis_compiler cmsis_gcc
freertos portable projdefs queue semphr stack_macros stream_buffer task timers"""
"""Headers of C, POSIX, newlib, gcc, CMSIS and FreeRTOS, which `<name>.h` would hide."""

_ARDUINO = """
arduino binary client ethernet hardwareserial ipaddress print printable pgmspace server stream udp
usbapi wiring_private wire spi sd servo wifi"""
"""Headers of Arduino's core and libraries, in small letters, as some file systems see them."""

_TARGETS = """
all clean depend edit_cache experimental continuous nightly help install list_install_components
package package_source preinstall rebuild_cache test zero_check run_tests all_build
debug general optimized"""
"""Targets that CMake, CTest, CPack and make have already, and words that do not link a library."""

_LIBRARIES = "c dl g gcc m nosys pthread rt stdc supc"
"""What `-l` takes for the system's libraries, where a network would be built as `lib<name>.a`."""

_DEVICES = "aux clock con nul prn"
"""No names of files on Windows; see also `_DEVICE`."""

_OWN = "at example example_main mcucc report spec step"
"""What every network holds."""

_RESERVED: Mapping[str, str] = MappingProxyType(
    {
        word: owner
        for owner, words in (
            ("the libraries that every linker knows", _LIBRARIES),
            ("headers of Arduino", _ARDUINO),
            ("headers of the compiler, its libraries or FreeRTOS", _HEADERS),
            ("C and C++", _WORDS),
            ("CMake and make, which have such a target or keyword", _TARGETS),
            ("devices on Windows", _DEVICES),
            ("mcucc", _OWN),
        )
        for word in words.split()
    }
)
"""For whom a word is reserved."""

_DEVICE = re.compile(r"(com|lpt)[0-9]")
"""Like `_DEVICES` no names of files on Windows."""


def identifier(path: Path) -> str:
    """The file's stem as a lower-case C identifier that is not reserved."""
    name = re.sub(r"[\W_]+", "_", path.stem, flags=re.ASCII).lower()[:60].strip("_")
    usable = _is_identifier(name) and reserved_for(name) is None
    return name if usable else f"net_{name}".rstrip("_")


def check_name(name: str) -> str:
    """A name that the user chose, if it can prefix C symbols.

    Raises:
        UsageError: it is no lower-case C identifier, or it is reserved.
    """
    other = identifier(Path(name))
    if not _is_identifier(name):
        raise UsageError(
            f"name '{name}': use a lower-case C identifier such as '{other}', of at most 64 "
            "characters"
        )
    owner = reserved_for(name)
    if owner is not None:
        raise UsageError(f"name '{name}' is reserved (for {owner}): use another, such as '{other}'")
    return name


def reserved_for(name: str) -> str | None:
    """Who has a name already, None if it is free."""
    # C++ keeps two underscores in a row for itself; symbols are `<name>_...`.
    if "__" in f"{name}_":
        return "C++, which keeps two underscores in a row for itself"
    if name.startswith("mcucc_"):
        return "mcucc"
    return "devices on Windows" if _DEVICE.fullmatch(name) else _RESERVED.get(name)


def _is_identifier(name: str) -> bool:
    # 64 characters: file names and symbols are longer than the prefix.
    return re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) is not None
