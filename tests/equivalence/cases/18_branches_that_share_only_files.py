# %% tags=["task:a"]
import pathlib, time
where = pathlib.Path("shared_18.txt")

# %% tags=["task:b"]
time.sleep(2)
_target = "shared_" + "18.txt"
with open(_target, "w") as handle:
    handle.write("from b")

# %% tags=["task:c"]
text = pathlib.Path("shared_18" + ".txt").read_text()
print(text)

# %% tags=["task:d"]
print("parallel")
