"""Vector files of other tools: what they hold, at which site and layer, and at which scale."""
