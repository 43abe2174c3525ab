"""`make demo`: the product with a simulated fleet, and a past that was really scanned."""
