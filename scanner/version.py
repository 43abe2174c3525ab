"""The one place that holds the product's version number."""

VERSION = "0.1.0"
