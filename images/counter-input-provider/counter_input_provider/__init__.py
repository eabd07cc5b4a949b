"""An input that counts: the smallest provider that resumes."""

__version__ = "0.1.0"
