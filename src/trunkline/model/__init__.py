"""The nouns of the field as frozen values, with their rules. No I/O."""
