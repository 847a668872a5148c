"""Runs a program of the operator's when the hive needs the operator."""
