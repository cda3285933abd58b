"""The generated help of every command: complete, the same on every terminal, and up to date in docs/cli.md."""

import subprocess
import sys

import pytest

from edgetl.cli.commands import app
from tools import cli_help
from tools.cli_help import BEGIN, END


@pytest.fixture(scope="module")
def help_text() -> str:
    return cli_help.render_help()


def test_every_command_has_its_heading_and_block(help_text):
    names = [command.name for command in app.registered_commands]
    assert {"build", "train", "bench", "bases", "targets", "doctor"} <= set(names)
    headings = [line for line in help_text.splitlines() if line.startswith("#")]
    assert headings == ["## `edgetl`", *(f"## `edgetl {name}`" for name in names)]
    assert help_text.count("```console\n$ edgetl ") == help_text.count("\n```\n") == len(names) + 1


def test_block_contains_what_the_program_prints(help_text):
    child = subprocess.run(
        [sys.executable, "-m", "edgetl", "doctor", "--help"], capture_output=True, text=True, check=True
    )
    (title,) = [line.strip() for line in child.stdout.splitlines() if "Check this machine" in line]
    assert "$ edgetl doctor --help\n" in help_text and title in help_text


def test_text_is_plain_and_fits_the_page(help_text):
    assert "\x1b" not in help_text
    assert 60 < max(map(len, help_text.splitlines())) <= cli_help.COLUMNS


def test_text_does_not_depend_on_the_terminal(monkeypatch):
    expected = cli_help.capture_help(["doctor"])
    for name, value in {"COLUMNS": "40", "TERMINAL_WIDTH": "40", "FORCE_COLOR": "1", "GITHUB_ACTIONS": "1"}.items():
        monkeypatch.setenv(name, value)
    assert cli_help.capture_help(["doctor"]) == expected


def test_update_replaces_only_the_text_between_markers(help_text, monkeypatch):
    monkeypatch.setattr(cli_help, "render_help", lambda: help_text)
    updated = cli_help.update(f"# Title\n\n{BEGIN}\noutdated\n{END}\n\nMore.\n")
    assert updated == f"# Title\n\n{BEGIN}\n\n{help_text}\n{END}\n\nMore.\n"
    assert cli_help.update(updated) == updated


@pytest.mark.parametrize("text", ["", BEGIN, f"{END}\n{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}"])
def test_wrong_markers_are_an_error(text):
    with pytest.raises(ValueError, match="needs one"):
        cli_help.update(text)


@pytest.fixture
def page(tmp_path, monkeypatch):
    """Make the script's page a file of this test, with a constant help."""
    monkeypatch.setattr(cli_help, "ROOT", tmp_path)
    monkeypatch.setattr(cli_help, "PAGE", tmp_path / "cli.md")
    monkeypatch.setattr(cli_help, "render_help", lambda: "help\n")
    monkeypatch.setattr(sys, "argv", ["cli_help.py"])
    return tmp_path / "cli.md"


def test_page_without_markers_is_skipped(page, capsys):
    cli_help.main()
    page.write_text("# Command line\n", encoding="utf-8")
    cli_help.main()
    assert capsys.readouterr().out.count("cli.md: skipped") == 2
    assert page.read_text(encoding="utf-8") == "# Command line\n"


def test_check_reports_an_outdated_page_and_changes_nothing(page, monkeypatch):
    text = f"{BEGIN}\n{END}\n"
    page.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["cli_help.py", "--check"])
    with pytest.raises(SystemExit, match="out of date"):
        cli_help.main()
    assert page.read_text(encoding="utf-8") == text


def test_main_updates_the_page_and_check_accepts_it(page, monkeypatch):
    page.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    cli_help.main()
    assert page.read_text(encoding="utf-8") == f"{BEGIN}\n\nhelp\n\n{END}\n"
    monkeypatch.setattr(sys, "argv", ["cli_help.py", "--check"])
    cli_help.main()


def test_documentation_contains_the_current_help(help_text):
    text = cli_help.PAGE.read_text(encoding="utf-8")
    before, after = cli_help.split_at_markers(text)
    assert text == f"{before}{BEGIN}\n\n{help_text}\n{END}{after}", "out of date: run python tools/cli_help.py"
