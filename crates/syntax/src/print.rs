//! The tree as SQL text again.

mod admin;
mod ddl;
mod expr;
mod program;
mod query;
mod statement;

use crate::ToSql;
use crate::ast::*;
use crate::keyword::Kw;

/// Text under construction.
pub(crate) struct Sql<'a>(&'a mut Vec<u8>);

impl Sql<'_> {
    fn s(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// `text` when `on`.
    fn when(&mut self, on: bool, text: &str) -> &mut Self {
        if on {
            self.s(text);
        }
        self
    }

    fn num(&mut self, n: impl std::fmt::Display) -> &mut Self {
        self.s(&n.to_string())
    }

    /// A name, in quotes unless it is a plain word that means nothing else.
    fn ident(&mut self, name: &str) -> &mut Self {
        if is_plain(name) && Kw::of(name.as_bytes()) == Kw::NotKeyword {
            return self.s(name);
        }
        self.quoted(name)
    }

    fn quoted(&mut self, name: &str) -> &mut Self {
        self.s("`").s(&name.replace('`', "``")).s("`")
    }

    fn idents(&mut self, names: &[Ident]) -> &mut Self {
        self.list(names, |w, name| {
            w.ident(name);
        })
    }

    /// `(a, b)`
    fn columns(&mut self, names: &[Ident]) -> &mut Self {
        self.s("(").idents(names).s(")")
    }

    fn string(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.push(b'\'');
        for b in bytes {
            match b {
                b'\'' => self.0.extend_from_slice(b"''"),
                b'\\' => self.0.extend_from_slice(b"\\\\"),
                0 => self.0.extend_from_slice(b"\\0"),
                b => self.0.push(*b),
            }
        }
        self.0.push(b'\'');
        self
    }

    fn str(&mut self, text: &str) -> &mut Self {
        self.string(text.as_bytes())
    }

    /// A character set or collation.
    fn charset(&mut self, name: &str) -> &mut Self {
        if name.eq_ignore_ascii_case("binary") {
            return self.s(name);
        }
        self.ident(name)
    }

    fn list<X>(&mut self, items: &[X], mut item: impl FnMut(&mut Self, &X)) -> &mut Self {
        for (i, x) in items.iter().enumerate() {
            if i > 0 {
                self.s(", ");
            }
            item(self, x);
        }
        self
    }

    fn name(&mut self, name: &ObjectName) -> &mut Self {
        if let Some(db) = &name.db {
            self.ident(db).s(".");
        }
        self.ident(&name.name)
    }

    fn names(&mut self, names: &[ObjectName]) -> &mut Self {
        self.list(names, |w, name| {
            w.name(name);
        })
    }

    fn user_var(&mut self, name: &str) -> &mut Self {
        self.s("@");
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.'));
        if plain {
            self.s(name)
        } else {
            self.quoted(name)
        }
    }
}

/// Whether a name can stand without quotes, keywords aside.
fn is_plain(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes
        .first()
        .is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_')
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        // `_latin1` before a string would introduce it.
        && !name.starts_with('_')
}

macro_rules! to_sql {
    ($($node:ty => $method:ident),* $(,)?) => {
        $(impl ToSql for $node {
            fn write_sql(&self, out: &mut Vec<u8>) {
                Sql(out).$method(self);
            }
        })*
    };
}

to_sql! {
    Statement => statement,
    Query => query,
    Select => select,
    TableRef => table_ref,
    DataType => data_type,
    ColumnDef => column_def,
    TableConstraint => table_constraint,
    ObjectName => name_node,
    Account => account,
    Show => show,
    Expr => expr,
    Literal => literal,
    CastType => cast_type,
}

impl Sql<'_> {
    fn name_node(&mut self, name: &ObjectName) {
        self.name(name);
    }
}
