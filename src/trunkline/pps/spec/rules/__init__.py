"""What makes a spec unusable."""
