"""From a decision to buy to units in service, or to knowing why not."""
