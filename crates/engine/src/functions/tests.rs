//! Functions by example: an expression and the text that it gives.

use std::sync::Arc;

use syntax::ast::VarScope;
use values::{CollationId, OwnedValue, Value};

use crate::bind::{Binder, Catalog, Modes, Resolved};
use crate::context::Context;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::instance::{Clock, Instance, Settings};
use crate::session::Session;
use crate::virtual_table::VirtualTable;

struct NoTables;

impl Catalog for NoTables {
    fn resolve_table(
        &self,
        _: Option<&str>,
        name: &str,
        _: Option<&OwnedValue>,
    ) -> Result<Resolved> {
        Err(Error::unknown_table(name))
    }
    fn resolve_function(
        &self,
        _: Option<&str>,
        name: &str,
        _: &[Option<OwnedValue>],
    ) -> Result<Arc<dyn VirtualTable>> {
        Err(Error::unknown_function(name))
    }
    fn current_database(&self) -> Option<String> {
        None
    }
    fn user_variable(&self, _: &str) -> OwnedValue {
        Value::Null
    }
    fn system_variable(&self, _: Option<VarScope>, name: &str) -> Result<OwnedValue> {
        Err(Error::unknown_variable(name))
    }
    fn constant(&self, _: &Expr) -> Result<OwnedValue> {
        Ok(Value::Null)
    }
}

/// 2023-11-14 22:13:20.123456 for ever.
struct StoppedClock;

impl Clock for StoppedClock {
    fn now_micros(&self) -> i64 {
        1_700_000_000_123_456
    }
}

/// A session of root on an instance without databases.
fn session() -> Session {
    let instance = Instance::in_memory(Settings::default(), Arc::new(StoppedClock));
    Session::new(&Arc::new(instance), 1, "root", "localhost")
}

/// The text of an expression's value, or `error` with its number.
fn value_of(text: &str) -> String {
    let evaluate = || -> Result<String> {
        let options = syntax::Options::default();
        let parsed = syntax::parse_expr(text.as_bytes(), &options)
            .map_err(|e| Error::new(1064, "42000", e.to_string()))?;
        let modes = Modes {
            zone: crate::time_zone::Zone::UTC,
            only_full_group_by: true,
            connection: CollationId::UTF8MB4_0900_AI_CI,
            div_increment: 4,
            schema_override: String::new(),
            syntax: options,
        };
        let typed = Binder::new(&NoTables, &modes, text.as_bytes()).bind_alone(&parsed)?;
        let session = session();
        let cx = Context::new(&session, &[], Vec::new());
        let env = Env::new(0, None, &cx);
        let value = typed.expr.eval(&env)?;
        if value.is_null() {
            return Ok("NULL".into());
        }
        let mut out = Vec::new();
        crate::convert::render(&value, &typed.ty, &mut out);
        Ok(String::from_utf8(out).unwrap_or_else(|e| {
            format!(
                "0x{}",
                e.as_bytes()
                    .iter()
                    .map(|b| format!("{b:02X}"))
                    .collect::<String>()
            )
        }))
    };
    evaluate().unwrap_or_else(|e| format!("error {}", e.code))
}

/// Checks lines of the form `expression => text`.
fn check(table: &str) {
    let mut wrong = Vec::new();
    for line in table.lines().filter(|l| !l.is_empty()) {
        let (expression, expected) = line.split_once(" =>").expect("a line has an arrow");
        let expected = expected.strip_prefix(' ').unwrap_or(expected);
        let found = value_of(expression);
        if found != expected {
            wrong.push(format!(
                "{expression}\n  expected {expected}\n  found    {found}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn strings() {
    check(include_str!("examples/string.txt"));
}

#[test]
fn numbers() {
    check(include_str!("examples/numeric.txt"));
}

#[test]
fn dates_and_times() {
    check(include_str!("examples/temporal.txt"));
}

#[test]
fn documents() {
    check(include_str!("examples/json.txt"));
}

#[test]
fn other_families() {
    check(include_str!("examples/other.txt"));
}

#[test]
fn geometries_and_vectors() {
    check(include_str!("examples/spatial.txt"));
}

#[test]
fn random_values_have_their_form() {
    assert_eq!(value_of("length(uuid())"), "36");
    assert_eq!(value_of("is_uuid(uuid())"), "1");
    assert_eq!(value_of("uuid() <> uuid()"), "1");
    assert_eq!(value_of("length(random_bytes(20))"), "20");
    assert_eq!(value_of("rand() between 0 and 1"), "1");
    assert_eq!(value_of("uuid_short() < uuid_short()"), "1");
}
