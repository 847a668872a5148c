"""The agent plane on the wire: JSON-RPC framing and message types (standard library only)."""
