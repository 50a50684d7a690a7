"""File sets: tables of paths, the layers that edit them, and how they are read."""
