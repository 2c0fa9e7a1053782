//! Conditions: what handlers wait for, what SIGNAL raises, and what GET DIAGNOSTICS tells.

use syntax::ast::ConditionValue;
use values::conversion::Warning;
use values::{OwnedValue, Value};

use crate::error::{Error, Result, SqlState};

/// What a handler or a named condition stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConditionTest {
    Code(u16),
    State(SqlState),
    Warning,
    NotFound,
    Exception,
}

impl ConditionTest {
    /// A condition that is no name.
    pub fn of(c: &ConditionValue) -> Result<ConditionTest> {
        Ok(match c {
            ConditionValue::ErrorCode(0) => {
                return Err(Error::new(1231, "42000", "Incorrect CONDITION value: '0'"));
            }
            ConditionValue::ErrorCode(n) => {
                ConditionTest::Code(u16::try_from(*n).unwrap_or(u16::MAX))
            }
            ConditionValue::SqlState(text) => {
                let state = SqlState::parse(text).ok_or_else(|| Error::bad_sqlstate(text))?;
                if state.class() == *b"00" {
                    return Err(Error::bad_sqlstate(text));
                }
                ConditionTest::State(state)
            }
            ConditionValue::SqlWarning => ConditionTest::Warning,
            ConditionValue::NotFound => ConditionTest::NotFound,
            ConditionValue::SqlException => ConditionTest::Exception,
            ConditionValue::Name(name) => return Err(Error::condition_missing(&**name)),
        })
    }

    /// How closely it fits a condition; the least number wins, `None` does not fit.
    pub fn fits(&self, c: &Condition) -> Option<u8> {
        let class = c.error.state.class();
        let fits = match self {
            ConditionTest::Code(n) => return (c.error.code == *n).then_some(0),
            ConditionTest::State(s) => return (c.error.state == *s).then_some(1),
            ConditionTest::Warning => class == *b"01" || c.level != Level::Error,
            ConditionTest::NotFound => class == *b"02",
            ConditionTest::Exception => {
                c.level == Level::Error && !matches!(&class, b"00" | b"01" | b"02")
            }
        };
        fits.then_some(2)
    }
}

/// How grave a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Note,
    Warning,
    Error,
}

/// A condition with what SIGNAL said of it.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    pub level: Level,
    pub error: Error,
    pub items: Vec<(Box<str>, String)>,
}

impl Condition {
    /// An error without further items.
    pub fn of_error(error: Error) -> Condition {
        Condition {
            level: Level::Error,
            error,
            items: Vec::new(),
        }
    }

    /// A warning that a statement left.
    pub fn of_warning(w: &Warning) -> Condition {
        let state = match w.code {
            1329 => "02000",
            _ => "01000",
        };
        Condition {
            level: if w.note { Level::Note } else { Level::Warning },
            error: Error::new(w.code, state, w.text.as_str()),
            items: Vec::new(),
        }
    }

    /// An item of GET DIAGNOSTICS CONDITION.
    pub fn item(&self, name: &str) -> Result<OwnedValue> {
        let given = self.items.iter().find(|(n, _)| &**n == name);
        let given = given.map(|(_, v)| Value::text(v.as_str()));
        let origin = || match self.error.state.class() {
            [b'0'..=b'4' | b'A'..=b'H', _] => "ISO 9075",
            _ => "MySQL",
        };
        Ok(match name {
            "RETURNED_SQLSTATE" => Value::text(self.error.state.as_str()),
            "MESSAGE_TEXT" => Value::text(self.error.message.as_str()),
            "MYSQL_ERRNO" => Value::Int(self.error.code.into()),
            "CLASS_ORIGIN" | "SUBCLASS_ORIGIN" => given.unwrap_or_else(|| Value::text(origin())),
            "CONSTRAINT_CATALOG" | "CONSTRAINT_SCHEMA" | "CONSTRAINT_NAME" | "CATALOG_NAME"
            | "SCHEMA_NAME" | "TABLE_NAME" | "COLUMN_NAME" | "CURSOR_NAME" => {
                given.unwrap_or_else(|| Value::text(""))
            }
            other => {
                return Err(Error::general(format!(
                    "'{other}' is no condition information item"
                )));
            }
        })
    }
}

/// Items that SIGNAL may set.
pub(crate) const SIGNAL_ITEMS: [&str; 12] = [
    "CLASS_ORIGIN",
    "SUBCLASS_ORIGIN",
    "MESSAGE_TEXT",
    "MYSQL_ERRNO",
    "CONSTRAINT_CATALOG",
    "CONSTRAINT_SCHEMA",
    "CONSTRAINT_NAME",
    "CATALOG_NAME",
    "SCHEMA_NAME",
    "TABLE_NAME",
    "COLUMN_NAME",
    "CURSOR_NAME",
];

/// The condition that SIGNAL raises before its items are set.
pub(crate) fn signalled(state: SqlState) -> Condition {
    let (level, code, text) = match &state.class() {
        b"01" => (
            Level::Warning,
            1642,
            "Unhandled user-defined warning condition",
        ),
        b"02" => (
            Level::Error,
            1643,
            "Unhandled user-defined not found condition",
        ),
        _ => (
            Level::Error,
            1644,
            "Unhandled user-defined exception condition",
        ),
    };
    Condition {
        level,
        error: Error::new(code, state.as_str(), text),
        items: Vec::new(),
    }
}

/// Sets one item of a condition that is being raised.
pub(crate) fn set_item(c: &mut Condition, name: &str, value: &OwnedValue) -> Result<()> {
    if !SIGNAL_ITEMS.contains(&name) {
        return Err(Error::new(
            1064,
            "42000",
            format!("'{name}' is no condition information item"),
        ));
    }
    if value.is_null() {
        return Err(Error::wrong_item_value(name, "NULL"));
    }
    let text = crate::convert::to_string(value);
    match name {
        "MESSAGE_TEXT" => c.error.message = text.chars().take(128).collect(),
        "MYSQL_ERRNO" => {
            let n = text.parse::<u16>().ok().filter(|n| *n > 0);
            c.error.code = n.ok_or_else(|| Error::wrong_item_value(name, &text))?;
        }
        _ => {
            c.items.retain(|(n, _)| &**n != name);
            c.items.push((name.into(), text.chars().take(64).collect()));
        }
    }
    Ok(())
}
