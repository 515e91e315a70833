"""Command lines that the pages quote, and what docs/command-line.md says of each command."""

import re
import shlex

import click
import pytest

from mcucc import errors
from mcucc.cli.main import cli
from tests.docs.pages import CHECKOUT, DOCS, Page, pages, quoted, rows

MANUAL = Page(DOCS / "command-line.md")
INTERRUPTED = 130


def parse(line: str) -> None:
    """Parse a command line as mcucc would, without running anything.

    Raises:
        click.UsageError: mcucc would refuse it.
    """
    arguments = shlex.split(line, comments=True)[1:]
    group = click.Context(cli, info_name="mcucc")
    rest = cli.make_parser(group).parse_args(list(arguments))[1]
    _, command, rest = cli.resolve_command(group, rest)
    assert command is not None
    command.make_context(command.name, rest, parent=group)


def command_lines(page: Page) -> list[str]:
    lines = (line.removeprefix("$ ") for line in page.code_lines)
    return [line for line in lines if line.startswith("mcucc ")]


def mentions(page: Page) -> list[str]:
    return [span for span in page.spans if re.match(r"mcucc (?!--)", span)]


@pytest.mark.parametrize("page", pages(), ids=str)
def test_command_lines_parse(page: Page) -> None:
    for line in command_lines(page):
        try:
            parse(line)
        except click.UsageError as error:
            pytest.fail(f"{page}: {line}: {error.format_message()}")


@pytest.mark.parametrize("page", pages(), ids=str)
def test_mentions_parse_but_for_missing_arguments(page: Page) -> None:
    for line in mentions(page):
        try:
            parse(line)
        except click.MissingParameter:
            continue
        except click.UsageError as error:
            pytest.fail(f"{page}: {line}: {error.format_message()}")


def test_there_are_command_lines_to_parse() -> None:
    assert {shlex.split(line)[1] for p in pages() for line in command_lines(p)} >= {
        "compile",
        "verify",
        "bench",
        "run",
    }
    with pytest.raises(click.NoSuchOption):
        parse("mcucc verify DIR --nonsense")
    with pytest.raises(click.UsageError):
        parse("mcucc nonsense")


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_option_is_described(name: str) -> None:
    described = set(re.findall(r"`(--?[a-z]+(?:-[a-z]+)*)`", MANUAL.section(f"mcucc {name}")))
    options = [p for p in cli.commands[name].params if isinstance(p, click.Option)]
    known = {opt for option in options for opt in option.opts}
    others = {opt for each in cli.commands.values() for p in each.params for opt in p.opts}
    assert known - {"--json"} <= described
    assert described <= known | others


def test_exit_codes_are_those_of_the_errors() -> None:
    table = rows(MANUAL.section("Exit codes"))
    said = {name: int(row[0]) for row in table for name in quoted(row[2])}
    classes = [e for e in vars(errors).values() if isinstance(e, type)]
    raised = {e.__name__: e.exit_code for e in classes if issubclass(e, errors.McuccError)}
    assert said == raised
    assert {int(row[0]) for row in table} == {0, INTERRUPTED, *raised.values()}


def test_the_readme_lists_the_same_exit_codes() -> None:
    sentence = re.search(r"Exit codes:(.*?)\.\n", Page(CHECKOUT / "README.md").text, re.DOTALL)
    assert sentence is not None
    codes = {int(code) for code in re.findall(r"(?<![\w-])\d+(?= )", sentence[1])}
    assert codes == {int(row[0]) for row in rows(MANUAL.section("Exit codes"))} - {INTERRUPTED}
