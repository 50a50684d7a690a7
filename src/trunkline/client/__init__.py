"""Clients of the server: addresses, configuration files, channels."""
