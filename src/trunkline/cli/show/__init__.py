"""How things are shown: tables, states, sizes, raw messages."""
