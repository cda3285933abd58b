"""Placeholders for modules that are imported only when one of their functions is called.

A build with nothing to do must not load TensorFlow. The fingerprint of a stage needs only the name of its function.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from edgetl.core.interrupt import check_interrupt


class LazyModule:
    """Placeholder for a module. Its attributes are functions that import the module when they are called."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, function: str) -> "LazyFunction":
        # Tools such as copy and inspect look for special attributes, which this object must not seem to have.
        if function.startswith("__"):
            raise AttributeError(function)
        return LazyFunction(self._name, function)


class LazyFunction:
    """Placeholder for a function, with its module and its name, which make up the name in a fingerprint."""

    def __init__(self, module: str, name: str) -> None:
        self.__module__ = module
        self.__name__ = name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Import the module, if it is not imported yet, and call the function.

        Raises:
            Interrupted: ^C or SIGTERM was received, for example during the import.
        """
        function: Callable[..., Any] = getattr(import_module(self.__module__), self.__name__)
        # The import of TensorFlow takes seconds.
        check_interrupt()
        return function(*arguments, **keywords)
