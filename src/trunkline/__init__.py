"""Data pipelines over versioned data, without a cluster."""

__version__ = "0.1.0"
__all__ = ["__version__"]
