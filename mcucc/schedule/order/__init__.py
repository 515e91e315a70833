"""In which order the nodes run."""
