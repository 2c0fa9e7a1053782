//! The table of functions by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Function;

/// Every family of functions, each a table of its own.
const FAMILIES: &[&[Function]] = &[];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Function>> =
    LazyLock::new(|| FAMILIES.iter().flat_map(|f| f.iter()).map(|f| (f.name, f)).collect());

pub(super) fn lookup(name: &str) -> Option<&'static Function> {
    match BY_NAME.get(name) {
        Some(f) => Some(f),
        None => BY_NAME.get(name.to_ascii_lowercase().as_str()).copied(),
    }
}
