"""Bad projects, bad files, a full disk: each has a clear error, loses nothing and leaves no trace of values."""
