"""Services of model versions: started, swapped, shadowed, split, asked and stopped."""
