# %% tags=["task:a"]
row = [1]
table = {"first": row, "other": [2]}

# %% tags=["task:b"]
table["first"].append(5)

# %% tags=["task:c"]
print(row, table["first"] is row)
