"""Commands for the server, the configuration and this shell."""
