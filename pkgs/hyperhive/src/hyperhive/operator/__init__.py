"""The operator plane: HTTP and SSE."""
