"""Overdue grades: how late a borrower is and has been, point by point of the cycle."""
