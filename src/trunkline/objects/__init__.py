"""Object stores: immutable bytes by key."""
