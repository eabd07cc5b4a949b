"""Real servers for the tests: a private Docker Engine, an OCI registry, the images of this repository."""
