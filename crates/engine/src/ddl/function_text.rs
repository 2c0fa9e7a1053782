//! How stored texts write function calls (spec 03 §8): a few names in capitals, a few under
//! another name, and either `,` or `, ` between arguments. It enters hashes, so it never changes.

const APART: &[(&str, &str)] = &[
    ("atan", "atan"),
    ("char", "char"),
    ("date_format", "date_format"),
    ("export_set", "export_set"),
    ("get_format", "get_format"),
    ("get_lock", "get_lock"),
    ("ifnull", "ifnull"),
    ("insert", "insert"),
    ("least", "least"),
    ("lpad", "lpad"),
    ("rpad", "rpad"),
    ("make_set", "make_set"),
    ("pow", "power"),
    ("power", "power"),
    ("repeat", "repeat"),
    ("replace", "replace"),
    ("json_extract", "json_extract"),
    ("json_value", "json_value"),
    ("json_overlaps", "json_overlaps"),
    ("bin_to_uuid", "BIN_TO_UUID"),
    ("uuid_to_bin", "UUID_TO_BIN"),
    ("datediff", "DATEDIFF"),
    ("from_unixtime", "FROM_UNIXTIME"),
    ("instr", "INSTR"),
    ("left", "LEFT"),
    ("right", "RIGHT"),
    ("substring", "SUBSTRING"),
    ("substr", "SUBSTRING"),
    ("mid", "SUBSTRING"),
    ("substring_index", "SUBSTRING_INDEX"),
    ("timestampdiff", "TIMESTAMPDIFF"),
    ("st_equals", "ST_EQUALS"),
];

const TIGHT: &[(&str, &str)] = &[
    ("time", "TIME"),
    ("uuid_short", "UUID_SHORT"),
    ("utc_timestamp", "UTC_TIMESTAMP"),
    ("curtime", "CURRENT_TIME"),
    ("current_time", "CURRENT_TIME"),
    ("st_geomfromgeojson", "ST_GEOMFROMGEOJSON"),
    ("st_latitude", "ST_LATITUDE"),
    ("st_longitude", "ST_LONGITUDE"),
    ("st_srid", "ST_SRID"),
    ("st_x", "ST_X"),
    ("st_y", "ST_Y"),
    ("character_length", "char_length"),
    ("ucase", "upper"),
    ("lcase", "lower"),
    ("ceiling", "ceil"),
    ("octet_length", "length"),
    ("schema", "database"),
    ("geometrycollection", "geomcoll"),
    ("geomcollection", "geomcoll"),
    ("string_to_vector", "STRING_TO_VECTOR"),
    ("vector_to_string", "VECTOR_TO_STRING"),
];

/// The name that a call is written under, and what stands between its arguments.
pub(super) fn style(name: &str) -> (&str, &'static str) {
    let find = |list: &'static [(&str, &str)]| list.iter().find(|(n, _)| *n == name);
    match (find(APART), find(TIGHT)) {
        (Some((_, shown)), _) => (shown, ", "),
        (None, Some((_, shown))) => (shown, ","),
        (None, None) => (name, ","),
    }
}

#[cfg(test)]
mod tests {
    use super::style;

    #[test]
    fn names_and_separators() {
        assert_eq!(style("pow"), ("power", ", "));
        assert_eq!(style("concat"), ("concat", ","));
        assert_eq!(style("uuid_to_bin"), ("UUID_TO_BIN", ", "));
        assert_eq!(style("ucase"), ("upper", ","));
    }
}
