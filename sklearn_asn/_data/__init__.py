"""Containers and labels; nothing here knows torch."""
