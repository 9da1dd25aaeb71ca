# %% tags=["task:a"]
rate = 0.5
class Model:
    def predict(self, x):
        return x * rate
model = Model()

# %% tags=["task:b"]
print(Model().predict(4))

# %% tags=["task:c"]
print(model.predict(6))
