"""Risk models: conventional PD and application models, honest out of sample."""

import os

# xgboost's threads wait for each other many times a tree; by default they spin while they
# wait, which costs four times the processor time when other tasks share the cores. Read
# once, when xgboost is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
