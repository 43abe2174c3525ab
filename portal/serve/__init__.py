"""Runs the whole product with one command: its servers, its processes, one supervisor."""
