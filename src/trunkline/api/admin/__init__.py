"""Services about the installation as a whole: cluster, debugging, upkeep."""
