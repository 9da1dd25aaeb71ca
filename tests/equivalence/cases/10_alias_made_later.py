# %% tags=["task:a"]
m1 = [0]

# %% tags=["task:b"]
m2 = m1

# %% tags=["task:c"]
m2.append(1)

# %% tags=["task:d"]
print(m1, m2, m1 is m2)
