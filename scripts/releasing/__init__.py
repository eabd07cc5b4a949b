"""What the scripts of a release have in common. Needs nothing but Python."""
