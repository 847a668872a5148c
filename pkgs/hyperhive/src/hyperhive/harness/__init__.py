"""The harness: runs one claude process per turn (standard library only)."""
