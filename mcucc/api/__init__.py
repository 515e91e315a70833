"""What a user calls: compile, plan, inspect, verify, evaluate, measure, build."""
