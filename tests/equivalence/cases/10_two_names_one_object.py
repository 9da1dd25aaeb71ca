# %% tags=["task:a"]
m1 = m2 = []

# %% tags=["task:b"]
m2.append(1)

# %% tags=["task:c"]
print(m1, m1 is m2)
