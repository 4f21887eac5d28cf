"""Run Azurite, the storage emulator, as a child process that ends with its parent."""

from odibi_local.azurite.launcher import AzuriteError, AzuriteProcess, ensure_installed

__all__ = ["AzuriteError", "AzuriteProcess", "ensure_installed"]
