# %% tags=["task:a"]
df = []

# %% tags=["task:b"]
df.append(1)

# %% tags=["task:c"]
df.append(2)

# %% tags=["task:d"]
print(df)
