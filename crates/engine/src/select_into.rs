//! SELECT .. INTO variables and files.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};

use syntax::ast::{FileFormat, IntoTarget, SelectInto};
use values::{OwnedValue, SqlType};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::exec;
use crate::load_data::check_file_use;
use crate::load_data::record::Format;
use crate::plan::{QueryPlan, text_collation};
use crate::result::Flow;
use crate::session::Session;

/// Runs a query into its targets; gives the number of rows.
pub fn run(
    session: &Session,
    into: &SelectInto,
    plan: &QueryPlan,
    cx: &Context<'_>,
) -> Result<u64> {
    let targets = match into {
        SelectInto::Variables(targets) => targets,
        SelectInto::Outfile {
            file,
            charset,
            format,
        } => return outfile(session, file, charset.as_deref(), format, plan, cx),
        SelectInto::Dumpfile(file) => return dumpfile(session, file, plan, cx),
    };
    if targets.len() != plan.columns.len() {
        return Err(Error::new(
            1222,
            "21000",
            "The used SELECT statements have a different number of columns",
        ));
    }
    let mut found: Option<Vec<OwnedValue>> = None;
    exec::query(plan, None, cx, &mut |row| {
        if found.is_some() {
            return Err(Error::too_many_rows());
        }
        found = Some(exec::owned(row)?);
        Ok(Flow::Continue)
    })?;
    let Some(row) = found else {
        cx.warn(1329, "No data - zero rows fetched, selected, or processed");
        return Ok(0);
    };
    for ((target, value), column) in targets.iter().zip(row).zip(&plan.columns) {
        match target {
            IntoTarget::User(name) => session.set_user_variable(name, value),
            IntoTarget::Local(name) => {
                let scope = session.scope();
                let local = scope.as_ref().and_then(|s| s.find(None, name));
                let local = local.ok_or_else(|| Error::undeclared(&**name))?;
                session.set_local(local.place, value, &column.ty)?;
            }
        }
    }
    Ok(1)
}

/// A file that must not be there yet.
fn create(session: &Session, name: &str) -> Result<BufWriter<File>> {
    check_file_use(session, name)?;
    let made = OpenOptions::new().write(true).create_new(true).open(name);
    match made {
        Ok(f) => Ok(BufWriter::new(f)),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::new(
            1086,
            "HY000",
            format!("File '{name}' already exists"),
        )),
        Err(e) => Err(Error::new(
            1,
            "HY000",
            format!("Can't create/write to file '{name}' ({e})"),
        )),
    }
}

/// SELECT .. INTO DUMPFILE: the columns of one row without anything between them.
fn dumpfile(session: &Session, name: &str, plan: &QueryPlan, cx: &Context<'_>) -> Result<u64> {
    let mut file = create(session, name)?;
    let mut rows = 0;
    let written = exec::query(plan, None, cx, &mut |row| {
        rows += 1;
        if rows > 1 {
            return Err(Error::too_many_rows());
        }
        for (i, c) in plan.columns.iter().enumerate() {
            let mut out = Vec::new();
            values::render_text(&row.get(i)?, &c.ty, &mut out);
            file.write_all(&out)?;
        }
        Ok(Flow::Continue)
    });
    written?;
    file.flush()?;
    Ok(rows)
}

/// SELECT .. INTO OUTFILE: what LOAD DATA with the same clauses reads.
fn outfile(
    session: &Session,
    name: &str,
    charset: Option<&str>,
    format: &FileFormat,
    plan: &QueryPlan,
    cx: &Context<'_>,
) -> Result<u64> {
    let format = Format::new(format)?;
    let charset = match charset {
        None => None,
        Some(c) => Some(values::charset::by_name(c).ok_or_else(|| Error::unknown_charset(c))?),
    };
    let mut file = create(session, name)?;
    let mut rows = 0;
    let written = exec::query(plan, None, cx, &mut |row| {
        rows += 1;
        file.write_all(&format.line_start)?;
        for (i, c) in plan.columns.iter().enumerate() {
            if i > 0 {
                file.write_all(&format.field_end)?;
            }
            let v = row.get(i)?;
            if v.is_null() {
                match format.escaped {
                    Some(e) => file.write_all(&[e, b'N'])?,
                    None => file.write_all(b"NULL")?,
                }
                continue;
            }
            let mut text = Vec::new();
            values::render_text(&v, &c.ty, &mut text);
            let is_text = text_collation(&c.ty).is_some()
                || matches!(
                    c.ty,
                    SqlType::Binary(_)
                        | SqlType::VarBinary(_)
                        | SqlType::Blob(_)
                        | SqlType::Json
                        | SqlType::Date
                        | SqlType::DateTime(_)
                        | SqlType::Timestamp(_)
                        | SqlType::Time(_)
                );
            if let Some(c) = charset {
                text = c.from_utf8(&text).0;
            }
            let quote = format.enclosed.filter(|_| is_text || !format.optionally);
            file.write_all(&written_field(&text, &format, quote))?;
        }
        file.write_all(&format.line_end)?;
        Ok(Flow::Continue)
    });
    written?;
    file.flush()?;
    Ok(rows)
}

/// A field with what would end it escaped.
fn written_field(text: &[u8], format: &Format, quote: Option<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.extend(quote);
    for &b in text {
        let special = match quote {
            Some(q) => b == q,
            None => format.field_end.first() == Some(&b) || format.enclosed == Some(b),
        };
        let special = special || format.line_end.first() == Some(&b) && quote.is_none();
        match format.escaped {
            Some(e) if b == 0 => out.extend([e, b'0']),
            Some(e) if b == e || special => out.extend([e, b]),
            // Without an escape character a quote is doubled.
            None if quote == Some(b) => out.extend([b, b]),
            _ => out.push(b),
        }
    }
    out.extend(quote);
    out
}
