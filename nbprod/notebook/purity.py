"""Which methods change their object and which do not, whatever its type; which functions change an argument.

A method that is in neither table, and that no class of the notebook defines, is taken to change its object. A wrong entry in
`PURE` would hide a change from the plan (the run still notices it); a missing one costs an edge that need not be.
"""

from __future__ import annotations

PURE = frozenset(
    """
    capitalize casefold center count encode decode endswith expandtabs find format format_map index isalnum isalpha isascii
    isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip partition
    removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase
    title translate upper zfill hex bit_length is_integer as_integer_ratio conjugate fromhex to_bytes from_bytes
    copy keys values items get union intersection difference symmetric_difference issubset issuperset isdisjoint
    most_common elements total fromkeys __len__ __contains__ __iter__ __getitem__ __repr__ __str__ __eq__ __hash__

    abs add_prefix add_suffix agg aggregate align all any applymap apply asfreq asof assign astype at_time autocorr between
    between_time bfill bool boxplot clip combine combine_first compare convert_dtypes corr corrwith cov crosstab cummax cummin
    cumprod cumsum describe diff div divide dot drop drop_duplicates droplevel dropna duplicated equals eq eval ewm expanding
    explode factorize ffill fillna filter first_valid_index floordiv ge groupby gt head hist idxmax idxmin infer_objects info
    interpolate isetitem isin isna isnull iteritems iterrows itertuples kurt kurtosis last_valid_index le lt map mask max mean
    median melt memory_usage merge min mod mode mul multiply ne nlargest notna notnull nsmallest nunique pct_change pipe pivot
    pivot_table plot pow prod product quantile query radd rank rdiv reindex reindex_like rename rename_axis reorder_levels
    resample reset_index rmod rmul rolling round rpow rsub rtruediv sample select_dtypes sem set_axis set_index shift skew
    sort_index sort_values squeeze stack std str sub subtract sum swapaxes swaplevel tail take to_clipboard to_csv to_dict
    to_excel to_feather to_frame to_hdf to_html to_json to_latex to_list to_markdown to_numpy to_parquet to_period to_pickle
    to_records to_sql to_stata to_string to_timestamp to_xarray to_xml tolist transform transpose truediv truncate tz_convert
    tz_localize unique unstack value_counts var where xs get_group ngroup size nth cat contains extract extractall findall
    fullmatch len match pad slice slice_replace wrap get_dummies strftime day_name month_name normalize floor ceil isocalendar
    total_seconds isoformat date time timetuple timestamp weekday isoweekday to_pydatetime to_datetime64 ctime utctimetuple
    bar barh pie kde density area line scatter hexbin box with_columns select lazy collect unpivot is_null is_not_null
    is_empty n_unique glimpse to_pandas to_arrow to_dicts to_series

    argmax argmin argpartition argsort argwhere byteswap choose compress conj cumulative_sum diagonal dump dumps flatten getfield
    item itemset_ nonzero ptp ravel repeat reshape searchsorted swapaxes tobytes tofile tostring trace view numpy cpu cuda detach
    clone toarray todense tocsr tocsc tocoo getnnz float long double int half permute unsqueeze expand expand_as chunk numel
    element_size block_until_ready addressable_data

    predict predict_proba predict_log_proba predict_on_batch predict_generator decision_function score score_samples kneighbors
    radius_neighbors apply_ inverse_transform get_params get_feature_names get_feature_names_out get_support evaluate summary
    get_config get_weights get_layer count_params state_dict parameters named_parameters modules children get_booster
    get_score get_fscore feature_importance staged_predict staged_predict_proba staged_score cost_complexity_pruning_path
    decision_path get_depth get_n_leaves mahalanobis error_norm perplexity bic aic to_onnx save_model save save_weights
    export plot_importance best_trial_ get_dump num_trees num_feature to_yaml get_metrics_result forecast get_forecast
    get_prediction conf_int pvalues summary2 simulate_ components_ plot_tree

    read_text read_bytes exists is_file is_dir glob rglob iterdir resolve absolute joinpath with_suffix with_name with_stem
    relative_to as_posix as_uri expanduser stat owner group match_ mkdir unlink_ rmdir_ touch_ write_text write_bytes open
    search sub subn finditer scanner group groups groupdict start end span json raise_for_status getvalue getbuffer
    hexdigest digest cache_info get_title get_xlim get_ylim get_lines get_figure get_xlabel get_ylabel get_legend
    savefig show to_image write_html write_image to_plotly_json to_dict_ _repr_html_ best_params best_value trials_dataframe
    model_dump model_dump_json model_copy dict_ json_ _asdict _replace is_fitted feature_names_in_ bounds contour_
    """.split()
)
"""Methods known to leave their object as it is, for every type that has one of the name."""

MUTATING = frozenset(
    """
    append extend insert remove pop popitem clear sort reverse update setdefault add discard difference_update
    intersection_update symmetric_difference_update appendleft extendleft popleft rotate move_to_end subtract_ fill resize put
    itemset setflags setfield sort_ set_params fit fit_transform fit_predict fit_resample partial_fit train compile load_state_dict
    load_weights set_weights build add_module register_forward_hook register step zero_grad backward zero_ fill_ copy_ add_ sub_
    mul_ div_ requires_grad_ normal_ uniform_ write writelines seek close truncate flush send throw cache_clear put_nowait
    set_title set_xlabel set_ylabel set_xlim set_ylim __setitem__ __delitem__ __setattr__ __iadd__
    """.split()
)
"""Methods known to change their object, even where the object is something that a module holds."""

INPLACE = frozenset({"inplace", "overwrite", "overwrite_a", "overwrite_x", "overwrite_input"})
"""Keyword arguments that make a function or a pure method work in place, unless they are False."""

CHANGES_ARGUMENT: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        (
            "next",
            "setattr",
            "delattr",
            "random.shuffle",
            "numpy.random.shuffle",
            "numpy.copyto",
            "numpy.put",
            "numpy.place",
        ),
        (0,),
    ),
    **dict.fromkeys(
        ("numpy.putmask", "numpy.fill_diagonal", "numpy.put_along_axis", "numpy.random.Generator.shuffle"), (0,)
    ),
    **dict.fromkeys(
        ("heapq.heapify", "heapq.heappush", "heapq.heappop", "heapq.heapreplace", "heapq.heappushpop"), (0,)
    ),
    **dict.fromkeys(
        ("bisect.insort", "bisect.insort_left", "bisect.insort_right", "operator.setitem", "operator.delitem"), (0,)
    ),
    **dict.fromkeys(
        ("operator.iadd", "operator.isub", "operator.imul", "operator.itruediv", "operator.ior", "operator.iand"), (0,)
    ),
    **dict.fromkeys(
        ("operator.iconcat", "operator.ixor", "operator.ipow", "operator.ifloordiv", "operator.imod"), (0,)
    ),
    **dict.fromkeys(
        ("object.__setattr__", "object.__delattr__", "list.append", "list.extend", "list.sort", "dict.update"), (0,)
    ),
    **dict.fromkeys(
        ("list.insert", "list.remove", "list.pop", "list.clear", "list.reverse", "dict.pop", "dict.setdefault"), (0,)
    ),
    **dict.fromkeys(
        ("set.add", "set.update", "set.discard", "set.remove", "dict.clear", "dict.popitem", "set.clear"), (0,)
    ),
    **dict.fromkeys(("torch.nn.utils.clip_grad_norm_", "torch.nn.utils.clip_grad_value_", "keras.Model.fit"), (0,)),
    **dict.fromkeys(("itertools.islice", "collections.deque"), ()),
    "random.Random.shuffle": (1,),
}
"""Functions that change arguments, by dotted name, and the places of these."""

CACHES = frozenset({"lru_cache", "cache", "singledispatch", "memoize", "memoized", "cached"})
"""Decorators that make a function remember."""

UNSAVEABLE: dict[str, str] = {
    "open": "open file", "io.open": "open file", "gzip.open": "open file", "bz2.open": "open file", "lzma.open": "open file",
    "tempfile.NamedTemporaryFile": "open file", "tempfile.TemporaryFile": "open file", "codecs.open": "open file",
    "threading.Lock": "lock", "threading.RLock": "lock", "threading.Thread": "thread", "threading.Event": "event",
    "threading.Condition": "lock", "threading.Semaphore": "lock", "multiprocessing.Lock": "lock",
    "multiprocessing.Pool": "pool of processes", "concurrent.futures.ThreadPoolExecutor": "pool of threads",
    "concurrent.futures.ProcessPoolExecutor": "pool of processes", "socket.socket": "socket", "subprocess.Popen": "process",
    "sqlite3.connect": "database connection", "psycopg2.connect": "database connection", "psycopg.connect": "database connection",
    "duckdb.connect": "database connection", "pymysql.connect": "database connection", "sqlalchemy.create_engine": "database connection",
    "h5py.File": "open file", "pandas.HDFStore": "open file", "zipfile.ZipFile": "open file", "tarfile.open": "open file",
}  # fmt: skip
"""Calls whose results no pickle can carry, and what they are."""

ITERATORS = frozenset({"iter", "zip", "map", "filter", "enumerate", "reversed", "csv.reader", "csv.DictReader"})
"""Calls whose results are used up by reading."""
