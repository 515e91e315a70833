"""Reading the report of a compiled directory."""

from pathlib import Path
from typing import Any

import msgspec

import mcucc
from mcucc.compiled.output import MOST_REPORT_BYTES, REPORT, finish_replacement
from mcucc.errors import InputFileError
from mcucc.report.consistent import inconsistencies
from mcucc.report.model import SCHEMA, Report, report_digest
from mcucc.resources import read_plain

_LONGEST_VERSION = 40


class _Header(msgspec.Struct, frozen=True):
    """What every version of the format has, by which they are told apart."""

    schema: int
    mcucc_version: str


def load_report(directory: Path) -> Report:
    """The report of a compiled directory; what a killed compilation left there is finished first.

    Raises:
        InputFileError: there is none, it has another schema, or somebody has changed it.
    """
    if directory.is_file():
        raise InputFileError(
            directory, "is a file: give a directory that `mcucc compile` wrote from a model"
        )
    finish_replacement(directory)
    path = directory / REPORT
    missing = "is missing: give a directory that `mcucc compile` wrote"
    try:
        text = read_plain(path, MOST_REPORT_BYTES, missing)
        _check_schema(path, msgspec.json.decode(text, type=_Header))
        report = msgspec.json.decode(text, type=Report)
        digest = report_digest(msgspec.json.decode(text, type=dict[str, Any]))
        if report.report_sha256 == "":
            raise msgspec.ValidationError("it has no report_sha256")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputFileError(
            path, f"is not a report of this version of mcucc ({error}): compile again"
        ) from error
    if report.report_sha256 != digest:
        raise InputFileError(
            path, "was changed after mcucc wrote it (its report_sha256 differs): compile again"
        )
    wrong = next(inconsistencies(report), None)
    if wrong is not None:
        raise InputFileError(path, f"contradicts itself ({wrong}): compile again")
    return report


def _check_schema(path: Path, header: _Header) -> None:
    if header.schema != SCHEMA:
        theirs = header.mcucc_version.encode("ascii", "backslashreplace").decode()[
            :_LONGEST_VERSION
        ]
        raise InputFileError(
            path,
            f"has schema {header.schema}, and mcucc {mcucc.__version__} reads schema {SCHEMA}: "
            f"mcucc {theirs!r} wrote it, compile again",
        )
