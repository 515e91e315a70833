"""Calls the command line in this process: a process of its own for each mistake is too slow."""

import json
import signal
import sys
from pathlib import Path

import pytest

from mcucc.cli import main as cli
from tests.cli.process import Finished


class Caller:
    """Runs `mcucc` with arguments in a folder, without any compiler or simulator."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, captured: pytest.CaptureFixture[str], folder: Path
    ) -> None:
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PATH", str(folder / "nothing"))
        monkeypatch.setenv("COLUMNS", "80")
        self._monkeypatch = monkeypatch
        self._captured = captured

    def __call__(self, *arguments: str) -> Finished:
        """What a process with these arguments would give."""
        self._monkeypatch.setattr(sys, "argv", ["mcucc", *arguments])
        handler = signal.getsignal(signal.SIGTERM)
        self._captured.readouterr()
        try:
            with pytest.raises(SystemExit) as stopped:
                cli.main()
        finally:
            signal.signal(signal.SIGTERM, handler)
        printed = self._captured.readouterr()
        code = stopped.value.code
        return Finished(code if isinstance(code, int) else 0, printed.out, printed.err)

    def refusal(self, code: int, *arguments: str) -> str:
        """The one sentence of an error, the same for people and for programs."""
        for_programs = self(*arguments, "--json")
        for_people = self(*arguments)
        assert (for_programs.code, for_people.code) == (code, code), for_programs.out
        error = json.loads(for_programs.out)["error"]
        assert error["exit_code"] == code
        message = str(error["message"])
        for text in (for_programs.err, for_people.err):
            assert " ".join(message.split()) in " ".join(text.split())
            assert "Traceback" not in text
        assert for_people.out == ""
        assert "bug in mcucc" not in message
        return message
