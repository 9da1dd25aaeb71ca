# %% tags=["task:a"]
class Model:
    def predict(self, x):
        return x
def better(self, x):
    return x + 100
m = Model()

# %% tags=["task:b"]
Model.predict = better

# %% tags=["task:c"]
print(m.predict(1), Model().predict(2))
