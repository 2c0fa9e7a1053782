//! Which changes of a column's type a merge makes by itself (spec 05 §4.5).

use values::SqlType;

/// What a change of type means for a merge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeChange {
    /// The merge may make it.
    pub compatible: bool,
    /// Rows must be written anew.
    pub rewrite: bool,
    /// Secondary indexes must be built anew.
    pub invalidates_indexes: bool,
}

fn is_out_of_line(t: &SqlType) -> bool {
    matches!(t, SqlType::Text(..) | SqlType::Blob(_))
}

fn same_kind_of_string(from: &SqlType, to: &SqlType) -> bool {
    let text = |t: &SqlType| {
        matches!(
            t,
            SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..)
        )
    };
    let binary = |t: &SqlType| {
        matches!(
            t,
            SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_)
        )
    };
    text(from) && text(to) || binary(from) && binary(to)
}

/// What changing a column's type means.
pub fn type_change(from: &SqlType, to: &SqlType) -> TypeChange {
    if from == to {
        return TypeChange {
            compatible: true,
            ..TypeChange::default()
        };
    }
    match (from, to) {
        (SqlType::Enum(a, ca), SqlType::Enum(b, cb))
        | (SqlType::Set(a, ca), SqlType::Set(b, cb)) => TypeChange {
            compatible: ca == cb && a.len() <= b.len() && a[..] == b[..a.len()],
            ..TypeChange::default()
        },
        _ if same_kind_of_string(from, to) => {
            let charset = |t: &SqlType| t.collation().map(|c| c.get().charset.name);
            if charset(from) != charset(to) || to.max_bytes() < from.max_bytes() {
                return TypeChange::default();
            }
            let rewrite =
                is_out_of_line(from) != is_out_of_line(to) || matches!(to, SqlType::Binary(_));
            TypeChange {
                compatible: true,
                rewrite,
                invalidates_indexes: rewrite || from.collation() != to.collation(),
            }
        }
        _ => TypeChange::default(),
    }
}
