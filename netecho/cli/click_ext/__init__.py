"""click_ext."""
