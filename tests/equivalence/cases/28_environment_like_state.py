# %% tags=["task:a"]
import os, sys, warnings
import pandas as pd
os.makedirs("sub_28", exist_ok=True)
os.environ["NBPROD_CASE"] = "yes"
pd.set_option("display.precision", 2)
sys.path.insert(0, "/nbprod/case/path")
warnings.filterwarnings("ignore", message="case twenty eight")

# %% tags=["task:b"]
os.chdir("sub_28")

# %% tags=["task:c"]
import matplotlib
matplotlib.rcParams["lines.linewidth"] = 4.5

# %% tags=["task:d"]
print(os.path.basename(os.getcwd()), os.environ.get("NBPROD_CASE"), pd.get_option("display.precision"))
print("/nbprod/case/path" in sys.path, matplotlib.rcParams["lines.linewidth"])
warnings.warn("case twenty eight")
