"""Version of the distribution acc-sandbox, which equals the product's."""

__version__ = "0.1.0"
