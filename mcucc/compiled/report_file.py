"""Reading the report of a compiled directory."""

from pathlib import Path

import msgspec

from mcucc.compiled.output import MOST_REPORT_BYTES, REPORT, finish_replacement
from mcucc.errors import InputFileError
from mcucc.report.consistent import inconsistencies
from mcucc.report.model import Report, report_digest
from mcucc.resources import read_plain


def load_report(directory: Path) -> Report:
    """The report of a compiled directory; what a killed compilation left there is finished first.

    Raises:
        InputFileError: there is none, it is not one of this version, or somebody has changed it.
    """
    if directory.is_file():
        raise InputFileError(
            directory, "is a file: give a directory that `mcucc compile` wrote from a model"
        )
    finish_replacement(directory)
    path = directory / REPORT
    missing = "is missing: give a directory that `mcucc compile` wrote"
    try:
        report = msgspec.json.decode(read_plain(path, MOST_REPORT_BYTES, missing), type=Report)
        if report.report_sha256 == "":
            raise msgspec.ValidationError("it has no report_sha256")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputFileError(
            path, f"is not a report of this version of mcucc ({error}): compile again"
        ) from error
    if report.report_sha256 != report_digest(report):
        raise InputFileError(
            path, "was changed after mcucc wrote it (its report_sha256 differs): compile again"
        )
    wrong = next(inconsistencies(report), None)
    if wrong is not None:
        raise InputFileError(path, f"contradicts itself ({wrong}): compile again")
    return report
