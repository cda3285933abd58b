import subprocess

from edgetl.engines.processes.child import make_child_command


def run_child(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(make_child_command(*arguments), capture_output=True, text=True, check=False, **options)


def test_module_is_the_program_and_gets_its_arguments(tmp_path):
    (tmp_path / "file.json").write_text("[1]")
    process = run_child("json.tool", "file.json", "--compact", cwd=tmp_path)
    assert (process.returncode, process.stdout) == (0, "[1]\n"), process.stderr


def test_modules_of_the_current_folder_are_not_imported(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('imported from the current folder')")
    process = run_child("json.tool", "--help", cwd=tmp_path)
    assert process.returncode == 0, process.stderr


def test_exit_code_and_messages_are_those_of_the_module():
    process = run_child("json.tool", "--indent", "x")
    assert process.returncode == 2
    assert "invalid int value: 'x'" in process.stderr
