"""One job from its inputs to its output commit."""
