"""Looks over a host: is everything there that a hive needs, and as it should be?"""
