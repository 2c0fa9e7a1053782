//! Nothing yet.
use super::Function;
pub const FUNCTIONS: &[Function] = &[];
