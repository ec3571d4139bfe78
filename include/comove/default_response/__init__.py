"""What a default sets off: who is linked to it, and what is done about them."""
