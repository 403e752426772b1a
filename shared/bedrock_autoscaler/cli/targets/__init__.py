"""`targets`, `mode`: what there is to manage, and whether it acts."""
