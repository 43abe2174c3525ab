"""Reads, one module for each page or list."""
