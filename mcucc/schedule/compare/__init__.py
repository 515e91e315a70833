"""What other ways of running a network would need."""
