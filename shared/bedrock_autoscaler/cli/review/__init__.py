"""How things stand and stood: `status`, `watch`, `report`, `review`."""
