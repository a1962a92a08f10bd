"""What each technique reaches with n labelled items."""
