"""Many targets, over many accounts and Regions: who visits which, and when."""
