# %% tags=["task:a"]
%matplotlib inline
def f(x):
    return x + 1
x = 1
%time y = f(x)
files = !echo one two
os_there = 7
total = 100 \
    % 7

# %% tags=["task:b"]
%%time
z = y + total
print(z, files)

# %% tags=["task:c"]
%%capture out
print("captured", z)

# %% tags=["task:d"]
print(repr(out.stdout))
!echo {z} $x

# %% tags=["task:e"]
%%bash
echo from bash

# %% tags=["task:f"]
%%writefile made_20.txt
hello

# %% tags=["task:g"]
print(open("made_20.txt").read(), files.n)
