//! Names that are made up when the user gives none (spec 03 §8.3).

use chunks::Hash;

use crate::ForeignKey;

fn taken(existing: &[&str], name: &str) -> bool {
    existing
        .iter()
        .any(|e| e.to_lowercase() == name.to_lowercase())
}

/// The name of an index: that of its first column, with a number if it is taken. `existing` are
/// the names of all the table's indexes, PRIMARY among them.
pub fn index_name(first_column: &str, existing: &[&str]) -> String {
    if !taken(existing, first_column) {
        return first_column.to_owned();
    }
    (2u64..)
        .map(|n| format!("{first_column}_{n}"))
        .find(|name| !taken(existing, name))
        .expect("some number is free")
}

/// The name of a foreign key of a table.
pub fn foreign_key_name<'a>(table: &str, keys: impl IntoIterator<Item = &'a ForeignKey>) -> String {
    let prefix = format!("{}_ibfk_", table.to_lowercase());
    let highest = keys
        .into_iter()
        .filter(|k| k.child_table.eq_ignore_ascii_case(table))
        .filter_map(|k| k.name.strip_prefix(&prefix)?.parse::<u64>().ok())
        .max()
        .unwrap_or(0);
    format!("{prefix}{}", highest + 1)
}

/// The name that a foreign key gets when its table is renamed, if it changes.
pub fn renamed_foreign_key(name: &str, old_table: &str, new_table: &str) -> Option<String> {
    let rest = name.strip_prefix(old_table)?.strip_prefix("_ibfk_")?;
    Some(format!("{new_table}_ibfk_{rest}"))
}

/// The name of a check, from its condition's text. `existing` are the names of the table's checks
/// and foreign keys.
pub fn check_name(table: &str, expression: &str, existing: &[&str]) -> String {
    let hash = Hash::of(expression.as_bytes()).to_string();
    let name = format!("{table}_chk_{}", &hash[..8]);
    if !taken(existing, &name) {
        return name;
    }
    (0u64..)
        .map(|n| format!("{name}_{n}"))
        .find(|name| !taken(existing, name))
        .expect("some number is free")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(
            check_name("t", "(NOT((`col1` = `col2`)))", &[]),
            "t_chk_jtampqtl"
        );
        assert_eq!(
            check_name("foo", "(`c1` > 3)", &["foo_chk_rvgogafi"]),
            "foo_chk_rvgogafi_0"
        );
        assert_eq!(index_name("a", &["PRIMARY"]), "a");
        assert_eq!(index_name("a", &["A", "a_2"]), "a_3");
        assert_eq!(foreign_key_name("Child", []), "child_ibfk_1");
        assert_eq!(
            renamed_foreign_key("t_ibfk_3", "t", "u").unwrap(),
            "u_ibfk_3"
        );
        assert_eq!(renamed_foreign_key("other", "t", "u"), None);
    }
}
