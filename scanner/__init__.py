"""Looks at a Docker engine and judges what it sees. Imports no framework and nothing of the portal."""
