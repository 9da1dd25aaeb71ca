# %% tags=["task:a"]
c = 0
def count():
    global c
    c += 1
    return c

# %% tags=["task:b"]
count()
count()

# %% tags=["task:c"]
print(c, count())

# %% tags=["task:d"]
print(c)
