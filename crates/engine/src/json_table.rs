//! JSON_TABLE: rows and columns out of a document.

use std::sync::Arc;

use syntax::ast;
use values::json::Path;
use values::{CollationId, Json, OwnedValue, SqlType, Value};

use crate::bind::{Binder, Typed};
use crate::convert;
use crate::env::Env;
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::result::ColumnMeta;

/// A bound JSON_TABLE.
#[derive(Clone, Debug)]
pub struct JsonTablePlan {
    /// Slot to fill.
    pub slot: u16,
    /// The document.
    pub doc: Expr,
    /// Rows of the top level.
    root: Level,
    width: usize,
}

#[derive(Clone, Debug)]
struct Level {
    path: Path,
    columns: Vec<Column>,
    nested: Vec<Level>,
}

#[derive(Clone, Debug)]
struct Column {
    at: usize,
    name: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Ordinality,
    Exists(Path),
    Value {
        path: Path,
        ty: SqlType,
        empty: On,
        error: On,
    },
}

#[derive(Clone, Debug)]
enum On {
    Null,
    Error,
    Default(OwnedValue),
}

fn path_of(e: &ast::Expr) -> Result<Path> {
    match e {
        ast::Expr::Literal(ast::Literal::String { bytes, .. }) => {
            Path::parse(&String::from_utf8_lossy(bytes)).map_err(Error::invalid_json_path)
        }
        _ => Err(Error::wrong_arguments("JSON_TABLE")),
    }
}

/// Binds JSON_TABLE; its columns come back for the scope.
pub(crate) fn bind(
    binder: &mut Binder<'_>,
    j: &ast::JsonTable,
    doc: Typed,
    slot: u16,
) -> Result<(JsonTablePlan, Vec<ColumnMeta>)> {
    let mut metas = Vec::new();
    let root = level(binder, &j.path, &j.columns, &mut metas)?;
    let width = metas.len();
    Ok((
        JsonTablePlan {
            slot,
            doc: doc.expr,
            root,
            width,
        },
        metas,
    ))
}

fn level(
    binder: &mut Binder<'_>,
    path: &ast::Expr,
    columns: &[ast::JsonColumn],
    metas: &mut Vec<ColumnMeta>,
) -> Result<Level> {
    let mut out = Level {
        path: path_of(path)?,
        columns: Vec::new(),
        nested: Vec::new(),
    };
    for c in columns {
        match c {
            ast::JsonColumn::Ordinality(name) => {
                let column = Column {
                    at: metas.len(),
                    name: name.to_string(),
                    what: What::Ordinality,
                };
                out.columns.push(column);
                metas.push(ColumnMeta::computed(
                    name.to_string(),
                    crate::bind::types::BIGINT,
                ));
            }
            ast::JsonColumn::Path {
                name,
                data_type,
                exists,
                path,
                on_empty,
                on_error,
            } => {
                let ty = crate::ddl::types::column_type(data_type, None)?;
                let path = path_of(path)?;
                let what = if *exists {
                    What::Exists(path)
                } else {
                    let empty = on(binder, on_empty)?;
                    let error = on(binder, on_error)?;
                    What::Value {
                        path,
                        ty: ty.clone(),
                        empty,
                        error,
                    }
                };
                out.columns.push(Column {
                    at: metas.len(),
                    name: name.to_string(),
                    what,
                });
                metas.push(ColumnMeta::computed(name.to_string(), ty));
            }
            ast::JsonColumn::Nested { path, columns } => {
                out.nested.push(level(binder, path, columns, metas)?);
            }
        }
    }
    Ok(out)
}

fn on(binder: &mut Binder<'_>, clause: &Option<ast::JsonOn>) -> Result<On> {
    Ok(match clause {
        None | Some(ast::JsonOn::Null) => On::Null,
        Some(ast::JsonOn::Error) => On::Error,
        Some(ast::JsonOn::Default(e)) => match binder.bind_alone(e)?.expr {
            Expr::Literal(v) => {
                let text = convert::to_string(&v);
                if let Value::Bytes(_) = &v
                    && let Err(e) = Json::parse(&text)
                {
                    return Err(Error::invalid_json_text("JSON_TABLE", 1, e));
                }
                On::Default(v)
            }
            _ => return Err(Error::wrong_arguments("JSON_TABLE")),
        },
    })
}

/// The rows for the current outer rows.
pub(crate) fn rows(plan: &JsonTablePlan, env: &Env<'_>) -> Result<Vec<Arc<[OwnedValue]>>> {
    let doc = plan.doc.eval(env)?;
    let doc = match &doc {
        Value::Null => return Ok(Vec::new()),
        Value::Json(j) => j.clone(),
        v => {
            let text = convert::to_string(v);
            Json::parse(&text).map_err(|e| Error::invalid_json_text("json_table", 1, e))?
        }
    };
    let mut out = Vec::new();
    let blank = vec![Value::Null; plan.width];
    expand(&plan.root, &doc, &blank, env, &mut out)?;
    Ok(out.into_iter().map(Arc::from).collect())
}

fn expand(
    level: &Level,
    doc: &Json,
    base: &[OwnedValue],
    env: &Env<'_>,
    out: &mut Vec<Vec<OwnedValue>>,
) -> Result<()> {
    for (n, item) in doc.find(&level.path).into_iter().enumerate() {
        let mut row = base.to_vec();
        for c in &level.columns {
            row[c.at] = value(c, item, n + 1, env)?;
        }
        if level.nested.is_empty() {
            out.push(row);
            continue;
        }
        let before = out.len();
        for nested in &level.nested {
            expand(nested, item, &row, env, out)?;
        }
        if out.len() == before {
            out.push(row);
        }
    }
    Ok(())
}

/// The error of a scalar that its column does not take.
fn refused(code: u16, ty: &SqlType, name: &str, row: usize) -> Error {
    match code {
        1264 | 1406 => Error::new(
            3669,
            "22003",
            format!("Value is out of range for JSON_TABLE's column '{name}'"),
        ),
        _ => {
            let to = match ty {
                SqlType::Int { .. } => "INTEGER",
                SqlType::Float | SqlType::Double => "DOUBLE",
                SqlType::Decimal { .. } => "DECIMAL",
                SqlType::Date => "DATE",
                SqlType::Time(_) => "TIME",
                SqlType::DateTime(_) | SqlType::Timestamp(_) => "DATETIME",
                _ => "CHAR",
            };
            Error::new(
                3156,
                "22018",
                format!("Invalid JSON value for CAST to {to} from column {name} at row {row}"),
            )
        }
    }
}

fn value(c: &Column, item: &Json, n: usize, env: &Env<'_>) -> Result<OwnedValue> {
    let given = |on: &On, text: &str, ty: &SqlType| match on {
        On::Null => Ok(Value::Null),
        On::Default(v) => Ok(convert::cast(v.clone(), &SqlType::Null, ty, env.cx)?.into_owned()),
        On::Error => {
            let code = if text.starts_with("Missing") {
                3665
            } else {
                3666
            };
            Err(Error::new(code, "22035", format!("{text} '{}'", c.name)))
        }
    };
    match &c.what {
        What::Ordinality => Ok(Value::Int(n as i64)),
        What::Exists(path) => Ok(Value::Int(!item.find(path).is_empty() as i64)),
        What::Value {
            path,
            ty,
            empty,
            error,
        } => {
            let found = item.find(path);
            match found.as_slice() {
                [] => given(empty, "Missing value for JSON_TABLE column", ty),
                [one] => {
                    if matches!(ty, SqlType::Json) {
                        return Ok(Value::Json((*one).clone()));
                    }
                    if one.type_name() == "NULL" {
                        return Ok(Value::Null);
                    }
                    if matches!(one.type_name(), "OBJECT" | "ARRAY") {
                        return given(
                            error,
                            "Can't store an array or an object in the scalar column",
                            ty,
                        );
                    }
                    let mut text = Vec::new();
                    match one.type_name() {
                        "BOOLEAN" if !ty.is_text() => {
                            one.write_unquoted(&mut text);
                            let digit = if text == b"true" { b'1' } else { b'0' };
                            text = vec![digit];
                        }
                        _ => one.write_unquoted(&mut text),
                    }
                    let from = crate::bind::types::varchar(text.len() as u32, CollationId::DEFAULT);
                    let text = Value::Bytes(text.into());
                    match values::conversion::store(&text, &from, ty, &env.cx.conversion) {
                        Ok(v) => Ok(v),
                        Err(e) => match error {
                            On::Error => Err(refused(e.code(), ty, &c.name, n)),
                            on => given(on, "", ty),
                        },
                    }
                }
                _ => given(
                    error,
                    "Can't store an array or an object in the scalar column",
                    ty,
                ),
            }
        }
    }
}
