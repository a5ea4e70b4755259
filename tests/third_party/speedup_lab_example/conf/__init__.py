"""The configuration that the entry point names: Hydra wants a regular package."""
