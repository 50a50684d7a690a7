"""Spouts and services: processes that do not end."""
