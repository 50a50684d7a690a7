"""Who may call this server: decisions in `access`, what the kernel knows of them in `peers`."""
