"""Self-contained HTML reports with plots of demand, capacity, cost and routes."""
