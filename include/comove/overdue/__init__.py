"""Overdue assessment: who will repay, who can, and what collecting may cost."""
