"""Keep secrets out of every text that leaves the process. One `Redactor` knows what is secret; every border asks it."""

from odibi_core.redaction.harmless import is_secret_value
from odibi_core.redaction.logs import RedactingFilter
from odibi_core.redaction.redactor import KEPT_FIELDS, REDACTED, SENSITIVE_SAMPLE, WITHHELD, Redactor
from odibi_core.redaction.registry import MIN_LENGTH

__all__ = ["KEPT_FIELDS", "MIN_LENGTH", "REDACTED", "SENSITIVE_SAMPLE", "WITHHELD", "RedactingFilter", "Redactor", "is_secret_value"]
