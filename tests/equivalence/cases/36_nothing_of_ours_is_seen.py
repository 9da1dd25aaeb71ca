# %% tags=["task:a"]
import sys
x = 1

# %% tags=["task:b"]
def tools():
    return sorted(name for name in sys.modules if name.split(".")[0].strip("_") in ("nbprod", "nbprod_runtime", "papermill", "ploomber"))
print(tools(), x, "upstream" in globals(), "product" in globals())

# %% tags=["task:c"]
x + 1

# %%
print(_, sorted(name for name in dir() if "nbprod" in name.lower()), tools(), len(sys.path), __name__)
sorted(name for name in dir() if not name.startswith("_"))
