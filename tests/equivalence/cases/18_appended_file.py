# %% tags=["task:a"]
with open("log_18.txt", "w") as f:
    f.write("start\n")

# %% tags=["task:b"]
with open("log_18.txt", "a") as f:
    f.write("b\n")

# %% tags=["task:c"]
with open("log_18.txt", "a") as f:
    f.write("c\n")

# %% tags=["task:d"]
print(open("log_18.txt").read())
