"""stdout, stderr, and our words on them."""
