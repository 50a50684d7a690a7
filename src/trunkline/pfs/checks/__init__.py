"""What may be wrong with what is stored, and how it is put right."""
