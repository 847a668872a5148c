"""Templates to files: the tree that `hyperhive render` emits."""
