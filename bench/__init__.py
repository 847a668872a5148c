"""What hyperhive costs, measured."""
