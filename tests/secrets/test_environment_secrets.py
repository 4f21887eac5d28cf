"""Secrets from variables."""

from __future__ import annotations

import pytest

from odibi_core.errors import PermanentServiceError
from odibi_core.secrets import EnvironmentSecrets


@pytest.mark.parametrize("name", ["storage-key", "STORAGE_KEY", "storage.key", "vault/storage-key"])
def test_a_secret_is_the_variable_of_its_name(name):
    """In capitals with underscores, and with or without the vault that would hold it on Azure."""
    assert EnvironmentSecrets({"STORAGE_KEY": "v"})(name) == "v"


def test_the_very_name_comes_first():
    """If there is a variable of exactly that name."""
    assert EnvironmentSecrets({"storage-key": "exact", "STORAGE_KEY": "v"})("storage-key") == "exact"


def test_what_is_not_set_or_empty_is_the_operators():
    """The text says which variable to set."""
    for environment in ({}, {"STORAGE_KEY": ""}):
        with pytest.raises(PermanentServiceError, match="STORAGE_KEY") as caught:
            EnvironmentSecrets(environment)("v/storage-key")
        assert caught.value.error_code == "missing_secret"
