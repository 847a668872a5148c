"""Approvals in the broker: who may ask for what, what is pinned, and that it is done."""
