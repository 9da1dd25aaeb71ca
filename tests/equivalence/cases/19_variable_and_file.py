# %% tags=["task:a"]
value = 7

# %% tags=["task:w"]
with open("nineteen.txt", "w") as f:
    f.write("w was here")

# %% tags=["task:c", "after:w"]
print(value, open("nineteen.txt").read())
