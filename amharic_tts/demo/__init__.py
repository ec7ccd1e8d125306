"""Synthetic speech for demonstrating and testing the system."""
