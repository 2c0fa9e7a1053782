//! What a session's variables mean, worked out once after each change of one.

use std::sync::Arc;

use values::conversion::Modes as ConversionModes;
use values::{CollationId, OwnedValue, Value};

use crate::bind::Modes;
use crate::time_zone::Zone;

/// The variables that every statement heeds, in the form in which it heeds them.
pub(crate) struct SessionSettings {
    /// Settings that decide the meaning of statements.
    pub modes: Arc<Modes>,
    /// Parts of sql_mode that conversions heed.
    pub conversion: ConversionModes,
    /// `@@autocommit`.
    pub autocommit: bool,
    /// `@@foreign_key_checks`.
    pub foreign_key_checks: bool,
    /// `@@transaction_read_only`.
    pub read_only: bool,
    /// sql_mode holds NO_AUTO_VALUE_ON_ZERO.
    pub zero_is_no_auto_value: bool,
    /// `@@dolt_transaction_commit`.
    pub commits_transactions: bool,
    /// `@@timestamp`, if it has been set: microseconds since 1970.
    pub timestamp: Option<i64>,
}

impl SessionSettings {
    /// Reads the variables. `known` are the modes of before, kept where they still hold: plans
    /// are cached by them. `timestamp` is the session's own, if it has been set.
    pub fn read(
        variable: impl Fn(&str) -> OwnedValue,
        timestamp: Option<&OwnedValue>,
        known: Option<&Arc<Modes>>,
    ) -> SessionSettings {
        let sql_mode = crate::convert::to_string(&variable("sql_mode")).to_ascii_uppercase();
        let words: Vec<&str> = sql_mode.split(',').collect();
        let has = |word: &str| words.contains(&word);
        let is_off = |name: &str| matches!(variable(name), Value::Int(0));

        let ansi = has("ANSI");
        let syntax = syntax::Options {
            ansi_quotes: ansi || has("ANSI_QUOTES"),
            pipes_as_concat: ansi || has("PIPES_AS_CONCAT"),
            no_backslash_escapes: has("NO_BACKSLASH_ESCAPES"),
            ignore_space: ansi || has("IGNORE_SPACE"),
            high_not_precedence: has("HIGH_NOT_PRECEDENCE"),
            ..syntax::Options::default()
        };
        let zone = match variable("time_zone") {
            Value::Bytes(b) => Zone::parse(&String::from_utf8_lossy(&b)).unwrap_or(Zone::UTC),
            _ => Zone::UTC,
        };
        let modes = Modes {
            zone,
            only_full_group_by: ansi || has("ONLY_FULL_GROUP_BY"),
            connection: match variable("collation_connection") {
                Value::Bytes(b) => values::collation::by_name(&String::from_utf8_lossy(&b))
                    .map_or(CollationId::DEFAULT, |c| c.id),
                _ => CollationId::DEFAULT,
            },
            div_increment: match variable("div_precision_increment") {
                Value::Int(n) => n.clamp(0, 30) as u8,
                _ => 4,
            },
            schema_override: match variable("dolt_override_schema") {
                Value::Bytes(b) => String::from_utf8_lossy(&b).into_owned(),
                _ => String::new(),
            },
            syntax,
        };

        let traditional = has("TRADITIONAL");
        let mut conversion = ConversionModes {
            strict: traditional || has("STRICT_TRANS_TABLES") || has("STRICT_ALL_TABLES"),
            ..ConversionModes::default()
        };
        conversion.dates.no_zero_date = traditional || has("NO_ZERO_DATE");
        conversion.dates.no_zero_in_date = traditional || has("NO_ZERO_IN_DATE");
        conversion.dates.allow_invalid = has("ALLOW_INVALID_DATES");
        conversion.truncate_fraction = has("TIME_TRUNCATE_FRACTIONAL");

        SessionSettings {
            modes: match known {
                Some(known) if **known == modes => known.clone(),
                _ => Arc::new(modes),
            },
            conversion,
            autocommit: !is_off("autocommit"),
            foreign_key_checks: !is_off("foreign_key_checks"),
            read_only: matches!(variable("transaction_read_only"), Value::Int(1)),
            commits_transactions: matches!(variable("dolt_transaction_commit"), Value::Int(1)),
            zero_is_no_auto_value: has("NO_AUTO_VALUE_ON_ZERO"),
            timestamp: match timestamp {
                Some(Value::Int(n)) if *n > 0 => Some(n * 1_000_000),
                Some(Value::Float(f)) if *f > 0.0 => Some((*f * 1e6) as i64),
                Some(Value::Decimal(d)) if d.to_f64() > 0.0 => Some((d.to_f64() * 1e6) as i64),
                _ => None,
            },
        }
    }
}
