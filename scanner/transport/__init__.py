"""The ways to an engine: each opens sockets on which the engine speaks HTTP, and nothing more.

What the environment holds (proxies, authorities, SSH agents and configuration) has no say.
"""
