"""The lecture's experiments: one module for each, and the program that runs them."""
