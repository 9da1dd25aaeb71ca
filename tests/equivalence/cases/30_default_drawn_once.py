# %% tags=["task:a"]
import uuid
def tag(value=uuid.uuid4().hex):
    return value
first = tag()

# %% tags=["task:b"]
print(tag() == first)
