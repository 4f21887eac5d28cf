"""Where secrets come from: the environment of this process, and Azure Key Vault."""

from odibi_core.secrets.choosing import secret_source
from odibi_core.secrets.environment import EnvironmentSecrets

__all__ = ["EnvironmentSecrets", "secret_source"]
