"""The decision on an application: who, whether, how much, under which strategy, why."""
