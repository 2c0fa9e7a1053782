//! `{"rows": [..]}` (spec 06 §7.3).

use std::io::{Result, Write};

use engine::result::ColumnMeta;
use values::SqlType;

use super::Renderer;
use crate::Failure;

/// Rows as JSON objects with sorted keys; NULL columns are left out.
#[derive(Default)]
pub struct JsonRows {
    columns: Vec<(String, SqlType)>,
    any: bool,
}

impl Renderer for JsonRows {
    fn begin(&mut self, columns: &[ColumnMeta], _: &mut dyn Write) -> Result<()> {
        self.columns = columns
            .iter()
            .map(|c| (c.name.clone(), c.ty.clone()))
            .collect();
        self.any = false;
        Ok(())
    }

    fn row(&mut self, cells: Vec<Option<Vec<u8>>>, out: &mut dyn Write) -> Result<()> {
        let start: &[u8] = if self.any { b"," } else { b"{\"rows\": [" };
        out.write_all(start)?;
        self.any = true;
        let columns = self.columns.iter().map(|(n, t)| (n.as_str(), t));
        let text = json_object(columns, cells).map_err(|f| std::io::Error::other(f.text))?;
        write!(out, "{text}")
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        let end: &[u8] = if self.any { b"]}\n" } else { b"{}\n" };
        out.write_all(end)
    }
}

/// A row as an object with sorted keys, without its NULL columns.
pub fn json_object<'a>(
    columns: impl Iterator<Item = (&'a str, &'a SqlType)>,
    cells: Vec<Option<Vec<u8>>>,
) -> std::result::Result<String, Failure> {
    let mut fields: Vec<(&str, String)> = Vec::new();
    for ((name, ty), cell) in columns.zip(cells) {
        let Some(bytes) = cell else { continue };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let shown = match ty {
            SqlType::Json => match values::Json::parse(&text) {
                Ok(j) => String::from_utf8_lossy(&j.to_stored()).into_owned(),
                Err(_) => text,
            },
            SqlType::Float | SqlType::Double => match text.parse::<f64>() {
                Ok(v) if v.abs() < 1e21 => v.to_string(),
                _ => text,
            },
            SqlType::Int { .. } | SqlType::Year | SqlType::Bit(_) => text,
            _ => serde_json::to_string(&text)?,
        };
        fields.push((name, shown));
    }
    fields.sort_by(|a, b| a.0.cmp(b.0));
    let mut body = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        body.push(format!("{}:{value}", serde_json::to_string(name)?));
    }
    Ok(format!("{{{}}}", body.join(",")))
}
