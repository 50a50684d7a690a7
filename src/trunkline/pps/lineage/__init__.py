"""What files were made from, and why jobs ran what they ran."""
