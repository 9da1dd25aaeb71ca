# %% tags=["task:a"]
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2, 3])

# %% tags=["task:b"]
ax.set_title("later")
print(len(ax.lines), ax.get_title())

# %% tags=["task:c"]
print(plt.get_fignums(), plt.gcf() is fig, fig.axes[0] is ax)
