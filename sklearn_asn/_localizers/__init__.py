"""Localizers: from a plan to segments."""
