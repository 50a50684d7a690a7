"""The glob dialect: parsed, compiled, matched."""
