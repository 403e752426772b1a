"""How many units are worth having: margins, the loss budget, promises, the plan."""
