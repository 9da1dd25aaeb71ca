"""What a service was asked, compared with what its model was made from; and what is done when the world changes."""
