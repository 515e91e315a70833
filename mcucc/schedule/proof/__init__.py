"""The proof of a plan: its replay; shares no code with the planner."""
