"""Where datum sets run: local processes now, other engines later."""
