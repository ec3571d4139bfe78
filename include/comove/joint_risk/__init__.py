"""Joint risk: who moves with whom, and how much riskier than a month ago."""
