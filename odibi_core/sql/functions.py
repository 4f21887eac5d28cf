"""The functions that Polars computes with Spark's meaning: names, numbers of arguments, and which of them must be literals."""

from __future__ import annotations

from functools import cache
from typing import Literal

from odibi_core.frozen import Frozen

Kind = Literal["scalar", "aggregate", "window", "generator"]

# name, fewest and most arguments (* for any number), other names; `=2` marks an argument that must be a literal
_SCALAR = """
add 2 2|subtract 2 2|multiply 2 2|divide 2 2|div 2 2|mod 2 2|pmod 2 2|negative 1 1|positive 1 1
try_add 2 2|try_subtract 2 2|try_multiply 2 2|try_divide 2 2
abs 1 1|sign 1 1 signum|ceil 1 2 ceiling =2|floor 1 2 =2|round 1 2 =2|bround 1 2 =2|rint 1 1|sqrt 1 1|cbrt 1 1|exp 1 1|expm1 1 1
ln 1 1|log 1 2|log10 1 1|log2 1 1|log1p 1 1|pow 2 2 power|sin 1 1|cos 1 1|tan 1 1|asin 1 1|acos 1 1|atan 1 1|atan2 2 2
sinh 1 1|cosh 1 1|tanh 1 1|degrees 1 1|radians 1 1|pi 0 0|e 0 0|hypot 2 2|shiftleft 2 2|shiftright 2 2|bit_not 1 1|bit_and_of 2 2
bit_or_of 2 2|bit_xor_of 2 2|greatest 2 *|least 2 *
coalesce 1 *|nullif 2 2|nvl 2 2 ifnull|nvl2 3 3|if 3 3 iff|isnull 1 1|isnotnull 1 1|isnan 1 1|nanvl 2 2|zeroifnull 1 1|nullifzero 1 1
equal_null 2 2|decode 3 *
upper 1 1 ucase|lower 1 1 lcase|initcap 1 1|length 1 1 char_length character_length len|octet_length 1 1|bit_length 1 1
trim 1 2|ltrim 1 2|rtrim 1 2|btrim 1 2|lpad 2 3|rpad 2 3|left 2 2|right 2 2|substring 2 3 substr mid|substring_index 3 3 =2,3
replace 2 3|translate 3 3 =2,3|concat 1 *|concat_ws 1 * =1|reverse 1 1|repeat 2 2|space 1 1|split 2 3 =2,3|split_part 3 3 =2,3
regexp_extract 2 3 =2,3|regexp_extract_all 2 3 =2,3|regexp_replace 3 3 =2,3|regexp_replace_first 3 3 =2,3|regexp_like 2 2 rlike regexp =2
regexp_count 2 2 =2|like 2 3 =2,3|ilike 2 3 =2,3|instr 2 2|locate 2 3 =3|startswith 2 2|endswith 2 2|contains 2 2|ascii 1 1
chr 1 1 char|md5 1 1|sha1 1 1 sha|sha2 2 2 =2|crc32 1 1|base64 1 1|unbase64 1 1|hex 1 1|format_number 2 2 =2|get_json_object 2 2 =2
elt 2 *|levenshtein 2 2
year 1 1|quarter 1 1|month 1 1|day 1 1 dayofmonth|dayofweek 1 1|weekday 1 1|dayofyear 1 1|weekofyear 1 1 week|hour 1 1|minute 1 1
second 1 1|yearofweek 1 1|dayofweek_iso 1 1|second_fraction 1 1|millisecond 1 1|microsecond 1 1|date_add 2 2|date_sub 2 2|datediff 2 2
unit_diff 3 3 =1|unit_boundaries 3 3 =1|unit_add 3 3 =1|add_months 2 2|months_between 2 3 =3|trunc 2 2 =2|date_trunc 2 2 =1
date_format 2 2 =2|to_date 1 2 =2|try_to_date 1 2 =2|to_timestamp 1 2 =2|try_to_timestamp 1 2 =2|unix_timestamp 0 2 to_unix_timestamp =2
from_unixtime 1 2 =2|last_day 1 1|next_day 2 2 =2|make_date 3 3|make_timestamp 6 6|current_date 0 0 curdate
current_timestamp 0 0 now localtimestamp|unix_date 1 1|date_from_unix_date 1 1|timestamp_seconds 1 1|timestamp_millis 1 1
timestamp_micros 1 1|unix_seconds 1 1|unix_millis 1 1|unix_micros 1 1|monthname 1 1|dayname 1 1|monthname_long 1 1|dayname_long 1 1
from_utc_timestamp 2 2 =2|to_utc_timestamp 2 2 =2|convert_timezone 2 3 =1,2|interval 2 2 =2|duckdb_subtract 2 2
array 0 *|size 1 1 cardinality array_size|array_contains 2 2|element_at 2 2|item 2 2|field 2 2 =2|sort_array 1 2 =2|array_sort 1 1
array_distinct 1 1|array_join 2 3 =2,3|array_max 1 1|array_min 1 1|array_position 2 2|array_remove 2 2|array_compact 1 1|slice 3 3
flatten 1 1|array_append 2 2|array_prepend 2 2|array_union 2 2|array_intersect 2 2|array_except 2 2|arrays_overlap 2 2
transform 2 2|filter 2 2|exists 2 2|forall 2 2|struct 1 *|named_struct 2 *|sequence 2 3
regexp_full 2 2 =2|split_text 2 2|strftime 2 2 =2|strptime 2 2 =2|concat_lists 1 *|cut 1 2 =2
eq 2 2|ne 2 2|gt 2 2|ge 2 2|lt 2 2|le 2 2|and 2 2|or 2 2|not 1 1|is_true 1 1|is_false 1 1|in 2 *|between 3 3
"""
_AGGREGATE = """
count 0 *|sum 1 1 try_sum|avg 1 1 mean try_avg|min 1 1|max 1 1|count_if 1 1|stddev 1 1 stddev_samp std|stddev_pop 1 1
variance 1 1 var_samp|var_pop 1 1|skewness 1 1|kurtosis 1 1|median 1 1|percentile 2 2 =2|percentile_cont 1 2 =2|percentile_disc 1 2 =2
percentile_approx 2 3 approx_percentile =2,3|approx_count_distinct 1 2 =2|collect_list 1 1 array_agg|array_agg_nulls 1 1|collect_set 1 1
string_agg 1 2 listagg =2|bool_and 1 1 every|bool_or 1 1 some any|any_value 1 2 =2|first_non_null 1 1
first 1 2 first_value =2|last 1 2 last_value =2
max_by 2 2|min_by 2 2|corr 2 2|covar_samp 2 2|covar_pop 2 2|mode 1 1|product 1 1|grouping 1 1|grouping_id 0 *
"""
_WINDOW = """
row_number 0 0|rank 0 0|dense_rank 0 0|percent_rank 0 0|cume_dist 0 0|ntile 1 1 =1|lag 1 3 =2|lead 1 3 =2|nth_value 2 3 =2,3
"""
_GENERATOR = "explode 1 1|explode_outer 1 1|posexplode 1 1|posexplode_outer 1 1"

# What to do instead, by the name in the text. A name that is missing here gets the general hint.
HINTS: dict[str, str] = {
    "uuid": "Use the transformer 'generate_surrogate_key': a key that is the same for every retry.",
    "rand": "Use 'operation: sample' to draw rows.",
    "random": "Use 'operation: sample' to draw rows.",
    "tablesample": "Use 'operation: sample'.",
    "monotonically_increasing_id": "Use ROW_NUMBER() OVER (ORDER BY …), or the transformer 'row_number'.",
    "from_json": "Use the transformer 'parse_json', or GET_JSON_OBJECT(x, '$.field').",
    "json_tuple": "Use GET_JSON_OBJECT(x, '$.field') for each field.",
    "json_extract_string": "Use GET_JSON_OBJECT(x, '$.field').",
    "xxhash64": "Use MD5 or SHA2, or the transformer 'hash_columns'.",
    "hash": "Use MD5 or SHA2, or the transformer 'hash_columns'.",
    "inline": "Use LATERAL VIEW EXPLODE and name the fields.",
    "stack": "Use UNPIVOT, or the transformer 'unpivot'.",
    "lateral": "LATERAL VIEW takes EXPLODE or POSEXPLODE; for anything else write a JOIN.",
    "input_file_name": "Set 'add_metadata' in 'write:'.",
}


_INTERNAL = """
add subtract multiply divide negative positive bit_not bit_and_of bit_or_of bit_xor_of regexp_replace_first yearofweek second_fraction
millisecond microsecond unit_diff unit_boundaries unit_add monthname_long dayname_long interval duckdb_subtract item field regexp_full
split_text concat_lists cut eq ne gt ge lt le not is_true is_false in between array_agg_nulls first_non_null dayofweek_iso and or
"""
INTERNAL = frozenset(_INTERNAL.split())  # names that the compiler writes and an author does not


class Signature(Frozen):
    """A function as the engine knows it."""

    name: str
    kind: Kind
    least: int
    most: int | None
    literals: frozenset[int]  # arguments that must be literals, from 1


@cache
def signatures() -> dict[str, Signature]:
    """Every function, by each of its names."""
    known: dict[str, Signature] = {}
    tables: tuple[tuple[Kind, str], ...] = (
        ("scalar", _SCALAR),
        ("aggregate", _AGGREGATE),
        ("window", _WINDOW),
        ("generator", _GENERATOR),
    )
    for kind, table in tables:
        for line in table.replace("\n", "|").split("|"):
            if line.strip():
                name, least, most, *others = line.split()
                literals = frozenset(int(place) for other in others if other[0] == "=" for place in other[1:].split(","))
                signature = Signature(name=name, kind=kind, least=int(least), most=None if most == "*" else int(most), literals=literals)
                known |= dict.fromkeys([name, *(other for other in others if other[0] != "=")], signature)
    return known
