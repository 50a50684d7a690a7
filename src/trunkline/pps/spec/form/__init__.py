"""From the text of a spec to its data in canonical form, with the place of every field."""
