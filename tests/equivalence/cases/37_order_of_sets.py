# %% tags=["task:a"]
words = {f"word {i}" for i in range(40)}
order = list(words)

# %% tags=["task:b"]
again = list({f"word {i}" for i in range(40)})
print(order == again)

# %% tags=["task:c"]
import os
print(again == order, sorted(words) == sorted(order), "PYTHONHASHSEED" in os.environ, "NBPROD_HASHSEED" in os.environ)
