"""A plugin to begin with: its class, its YAML file and its test."""
