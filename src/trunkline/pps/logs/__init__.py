"""What user code and jobs have printed, and questions to that."""
