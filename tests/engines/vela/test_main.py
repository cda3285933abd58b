"""The child process that runs Vela with limits."""

import sys

import pytest

pytest.importorskip("ethosu", reason="Vela is not installed: pip install 'edgetl[ethos]'")


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (1, 1)])
def test_limits_are_set_before_vela_gets_its_arguments(monkeypatch, returned, code):
    from edgetl.engines.vela import __main__ as program

    calls = []
    monkeypatch.setattr(program, "set_limits", lambda *limits: calls.append(limits))
    monkeypatch.setattr(program.vela, "main", lambda arguments: calls.append(arguments) or returned)
    monkeypatch.setattr(sys, "argv", ["program", "1000", "60", "model.tflite", "--config", "a"])
    assert program.main() == code
    assert calls == [(1000, 60, 60), ["model.tflite", "--config", "a"]]
