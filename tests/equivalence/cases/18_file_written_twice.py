# %% tags=["task:a"]
import time
time.sleep(0.4)
with open("twice_18.txt", "w") as f:
    f.write("one")

# %% tags=["task:b"]
with open("twice_18.txt") as g:
    first = g.read()
print(first)

# %% tags=["task:c"]
with open("twice_18.txt", "w") as f:
    f.write("two")

# %% tags=["task:d"]
with open("twice_18.txt") as g:
    print(first, g.read())
