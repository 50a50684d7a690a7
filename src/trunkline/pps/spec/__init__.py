"""Specs: read with positions, checked by type and by rule, layered over defaults, filled in, linted. No I/O."""
