"""What is wrong with a file of data."""

__all__ = ["DataError"]


class DataError(ValueError):
    """A data file is absent, damaged, or not what it should be."""
