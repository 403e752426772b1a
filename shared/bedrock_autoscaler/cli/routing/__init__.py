"""`routes`, `bench`: the published table, and what its options carry."""
