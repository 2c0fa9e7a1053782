//! The table of functions by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Function;

/// Every family of functions, each a table of its own.
const FAMILIES: &[&[Function]] = &[
    super::string::FUNCTIONS,
    super::string_edit::FUNCTIONS,
    super::bits::FUNCTIONS,
    super::base64::FUNCTIONS,
    super::numeric::FUNCTIONS,
    super::temporal::FUNCTIONS,
    super::temporal_arith::FUNCTIONS,
    super::temporal_clock::FUNCTIONS,
    super::date_format::FUNCTIONS,
    super::date_parse::FUNCTIONS,
    super::info::FUNCTIONS,
    super::locks::FUNCTIONS,
    super::json::FUNCTIONS,
    super::json_edit::FUNCTIONS,
    super::hashing::FUNCTIONS,
    super::compression::FUNCTIONS,
    super::uuid::FUNCTIONS,
    super::network::FUNCTIONS,
    super::regexp::FUNCTIONS,
    super::spatial::READERS,
    super::spatial::FUNCTIONS,
    super::spatial_measure::FUNCTIONS,
    super::vector::FUNCTIONS,
    super::dolt::FUNCTIONS,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    FAMILIES
        .iter()
        .flat_map(|f| f.iter())
        .map(|f| (f.name, f))
        .collect()
});

pub(super) fn lookup(name: &str) -> Option<&'static Function> {
    match BY_NAME.get(name) {
        Some(f) => Some(f),
        None => BY_NAME.get(name.to_ascii_lowercase().as_str()).copied(),
    }
}

pub(super) fn all() -> Vec<&'static Function> {
    let mut list: Vec<_> = BY_NAME.values().copied().collect();
    list.sort_by_key(|f| f.name);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct() {
        let total: usize = FAMILIES.iter().map(|f| f.len()).sum();
        assert_eq!(BY_NAME.len(), total);
    }
}
