"""Running built networks in child processes, on the host or on a simulated target."""
