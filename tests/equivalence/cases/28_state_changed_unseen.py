# %% tags=["task:a"]
import os
put = os.environ.update
change = getattr(os, "ch" + "dir")

# %% tags=["task:b"]
put({"NBPROD_UNSEEN": "1"})
os.makedirs("unseen_28", exist_ok=True)
change("unseen_28")

# %% tags=["task:c"]
print(os.environ.get("NBPROD_UNSEEN"), os.path.basename(os.getcwd()))
