"""Where secrets come from: the environment of this process, and Azure Key Vault."""

from odibi_core.secrets.choosing import secret_source
from odibi_core.secrets.environment import EnvironmentSecrets
from odibi_core.secrets.key_vault import KeyVaultSecrets

__all__ = ["EnvironmentSecrets", "KeyVaultSecrets", "secret_source"]
