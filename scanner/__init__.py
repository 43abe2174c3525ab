"""Looks at a Docker engine and judges what it sees. Knows no framework, and not the portal."""
