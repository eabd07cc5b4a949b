"""What a provider author imports."""
