"""Modules that are imported when one of their functions is called.

A build that finds everything done must not wait for TensorFlow. Where the fingerprint of a stage is computed, only the
name of its function is needed.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any


class LazyModule:
    """Stands for a module; its attributes are functions that import the module when they are called."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, function: str) -> "LazyFunction":
        if function.startswith("__"):
            raise AttributeError(function)
        return LazyFunction(self._name, function)


class LazyFunction:
    """Stands for a function of a module that may not be imported yet."""

    def __init__(self, module: str, name: str) -> None:
        self.__module__ = module
        self.__name__ = name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Import the module if need be, and call the function."""
        function: Callable[..., Any] = getattr(import_module(self.__module__), self.__name__)
        return function(*arguments, **keywords)
