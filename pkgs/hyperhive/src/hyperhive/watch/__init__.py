"""Tells the broker what becomes of the containers' units."""
