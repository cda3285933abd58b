"""No password is printed."""

import pytest

from edgetl.core.tracking.stored_run import hide_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://me:pass@host:5432/db", "postgresql://host:5432/db"),
        ("https://host/path", "https://host/path"),
        ("sqlite:////tmp/mlflow.db", "sqlite:////tmp/mlflow.db"),
        ("databricks", "databricks"),
    ],
)
def test_password_of_an_address_is_hidden(address, shown):
    assert hide_password(address) == shown
