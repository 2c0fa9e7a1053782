//! LOAD DATA: fields of a file become rows of a table.

pub(crate) mod record;

use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::Arc;

use syntax::ast::{self, LoadColumn, LoadDuplicates};
use values::charset::Charset;
use values::{CollationId, OwnedValue, SqlType, Value};

use crate::accounts::Privilege;
use crate::bind::Binder;
use crate::bind::dml::{Assigned, DefaultValue, InsertPlan, InsertRows};
use crate::context::Context;
use crate::env::{Env, Slot};
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::program::trigger::lent;
use crate::result::{Done, ResultSink};
use crate::schema_tables::sight::Sight;
use crate::session::Session;
use crate::write::{self, Inserter, RowBatch};

use record::{Field, Format, Records};

/// Type of what a file holds.
const TEXT: SqlType = SqlType::Text(values::LobSize::Long, CollationId::DEFAULT);
/// Rows that are written before the next ones are read.
const ROWS_AT_ONCE: usize = 1000;

/// Bytes that are read from a file at a time.
const FILE_BUFFER: usize = 128 << 10;

/// Where a field goes.
enum Target {
    Column(usize),
    Variable(Box<str>),
}

struct Plan {
    insert: InsertPlan,
    fields: Vec<Target>,
    /// SET: column, and a value over the row so far in slot 0.
    set: Vec<(usize, Assigned)>,
}

impl Binder<'_> {
    fn bind_load(&mut self, l: &ast::LoadData) -> Result<Plan> {
        let insert = ast::Insert {
            with: None,
            replace: l.duplicates == Some(LoadDuplicates::Replace),
            ignore: l.duplicates == Some(LoadDuplicates::Ignore)
                || l.local && l.duplicates.is_none(),
            priority: None,
            hints: None,
            table: l.table.clone(),
            partitions: l.partitions.clone(),
            columns: Vec::new(),
            has_columns: true,
            source: ast::InsertSource::Values(Arc::default()),
            row_alias: None,
            on_duplicate: Vec::new(),
            returning: Vec::new(),
        };
        let mut insert = self.bind_insert(&insert)?;
        insert.rows = InsertRows::Values(Vec::new());
        let def = insert.def.clone();
        let column = |name: &str| {
            def.column(name)
                .filter(|i| !def.columns[*i].hidden)
                .ok_or_else(|| Error::unknown_column(name, "field list"))
        };
        let mut fields = Vec::new();
        let mut given: Vec<usize> = Vec::new();
        if l.columns.is_empty() {
            let all = (0..def.columns.len())
                .filter(|i| !def.columns[*i].hidden && def.columns[*i].generated.is_empty());
            for i in all {
                fields.push(Target::Column(i));
                given.push(i);
            }
        }
        for c in &l.columns {
            fields.push(match c {
                LoadColumn::Column(c) => {
                    let i = column(&c.name)?;
                    if !def.columns[i].generated.is_empty() {
                        return Err(Error::generated_value(&def.columns[i].name, &def.name));
                    }
                    given.push(i);
                    Target::Column(i)
                }
                LoadColumn::User(name) => Target::Variable(name.clone()),
            });
        }
        let mut set = Vec::new();
        for a in &l.set {
            let i = column(&a.column.name)?;
            let value = match &a.value {
                ast::Expr::Default(None) => match &insert.rules.defaults[i] {
                    DefaultValue::Expr(a) => a.clone(),
                    _ => Assigned {
                        expr: Expr::Literal(Value::Null),
                        ty: SqlType::Null,
                    },
                },
                e => self
                    .bind_over_table(&def, &def.name, e, "field list")?
                    .into(),
            };
            if !given.contains(&i) {
                given.push(i);
            }
            set.push((i, value));
        }
        insert.columns = given;
        Ok(Plan {
            insert,
            fields,
            set,
        })
    }
}

impl Session {
    /// Runs LOAD DATA.
    pub(crate) fn load_data(
        &self,
        l: &ast::LoadData,
        text: &[u8],
        sink: &mut dyn ResultSink,
        more: bool,
    ) -> Result<()> {
        if self.open_transaction().read_only {
            return Err(Error::read_only());
        }
        let format = Format::new(&l.format)?;
        let charset = match &l.charset {
            None => None,
            Some(name) => {
                let c =
                    values::charset::by_name(name).ok_or_else(|| Error::unknown_charset(name))?;
                (!matches!(c.name, "utf8mb4" | "utf8mb3" | "binary")).then_some(c)
            }
        };
        if !l.local {
            check_file_use(self, &l.file)?;
        } else if !matches!(self.variable("local_infile"), Value::Int(1)) {
            return Err(Error::new(
                3948,
                "42000",
                "Loading local data is disabled; this must be enabled on both the client and server sides",
            ));
        }
        {
            let mut tx = self.open_transaction();
            for b in tx.branches.values_mut() {
                b.refresh()?;
            }
        }
        // What a file gives to a variable is text, whatever it held before.
        for c in &l.columns {
            if let LoadColumn::User(name) = c {
                self.set_user_variable(name, Value::text(""));
            }
        }
        let modes = self.modes();
        let mut binder = Binder::new(self, &modes, text);
        self.writing.set(true);
        let plan = binder.bind_load(l);
        self.writing.set(false);
        let plan = plan?;
        let tables = std::mem::take(&mut binder.tables);
        let views = self.open_views(&tables, true)?;
        let cx = Context::new(self, &[], views);
        let target = self.write_target(&tables[plan.insert.table])?;
        let mark = self.open_transaction().mark();
        let loaded = {
            let file: Box<dyn Read + '_> = match l.local {
                true => sink.local_file(&l.file)?,
                false => Box::new(open(&l.file)?),
            };
            let mut records = Records::new(BufReader::with_capacity(FILE_BUFFER, file), format);
            self.load(&plan, l, &mut records, charset, &target, &cx)
        };
        self.take_warnings(&cx);
        let inserted = match loaded {
            Ok(i) => i,
            Err(e) => {
                self.open_transaction().undo_to(mark);
                return Err(e);
            }
        };
        self.open_transaction().end_statement(mark);
        if let Err(e) = self.end_of_statement(false) {
            self.rollback_transaction();
            return Err(e);
        }
        if inserted.first_id > 0 {
            self.set_last_insert_id(inserted.first_id);
        }
        let counts = inserted.counts;
        let (deleted, skipped) = match plan.insert.replace {
            true => (counts.duplicates, 0),
            false => (0, counts.duplicates),
        };
        let done = Done {
            affected_rows: counts.affected,
            last_insert_id: inserted.first_id,
            info: format!(
                "Records: {}  Deleted: {deleted}  Skipped: {skipped}  Warnings: {}",
                counts.matched,
                self.warning_count()
            ),
        };
        self.done(sink, done, more)
    }

    fn load(
        &self,
        plan: &Plan,
        l: &ast::LoadData,
        records: &mut Records<'_>,
        charset: Option<&'static Charset>,
        target: &write::Target,
        cx: &Context<'_>,
    ) -> Result<write::Inserted> {
        for _ in 0..l.ignore_lines.unwrap_or(0) {
            if !records.skip_line()? {
                break;
            }
        }
        let mut tx = self.take_transaction();
        let mut insert = || -> Result<write::Inserted> {
            let mut inserter = Inserter::new(&plan.insert, target, cx);
            let mut number = 0;
            if plan.is_plain() {
                let mut batch = RowBatch::default();
                loop {
                    batch.clear();
                    while batch.len() < ROWS_AT_ONCE
                        && let Some(record) = records.next_record(plan.fields.len())?
                    {
                        number += 1;
                        plain_row(plan, &record, number, charset, cx, &mut batch)?;
                    }
                    if batch.is_empty() {
                        return inserter.finish(&mut tx);
                    }
                    inserter.write_batch(&batch, &mut tx, &mut |_, e| Err(e))?;
                }
            }
            loop {
                let mut rows = Vec::new();
                while rows.len() < ROWS_AT_ONCE
                    && let Some(record) = records.next_record(plan.fields.len())?
                {
                    number += 1;
                    rows.push(lent(&mut tx, self, || {
                        row(self, plan, record, number, charset, cx)
                    })?);
                }
                if rows.is_empty() {
                    return inserter.finish(&mut tx);
                }
                inserter.write(rows, &mut tx, false)?;
            }
        };
        let result = insert();
        self.put_transaction(tx);
        result
    }
}

impl Plan {
    /// Whether rows are the fields, in the order of the columns.
    fn is_plain(&self) -> bool {
        let is_its = |(t, c): (&Target, &usize)| matches!(t, Target::Column(i) if i == c);
        let columns = &self.insert.columns;
        self.set.is_empty()
            && self.fields.len() == columns.len()
            && self.fields.iter().zip(columns).all(is_its)
    }
}

/// Warns of fields too many or too few, or fails.
fn check_fields(plan: &Plan, record: &record::Record, number: u64, cx: &Context<'_>) -> Result<()> {
    let strict = cx.conversion.modes.strict && !plan.insert.ignore;
    let (code, text) = if record.surplus {
        let text = format!(
            "Row {number} was truncated; it contained more data than there were input columns"
        );
        (1262, text)
    } else if record.fields.len() < plan.fields.len() {
        (
            1261,
            format!("Row {number} doesn't contain data for all columns"),
        )
    } else {
        return Ok(());
    };
    match strict {
        true => Err(Error::new(code, "01000", text)),
        false => {
            cx.warn(code, text);
            Ok(())
        }
    }
}

/// Adds one record of a plain plan to the rows.
fn plain_row(
    plan: &Plan,
    record: &record::Record,
    number: u64,
    charset: Option<&'static Charset>,
    cx: &Context<'_>,
    out: &mut RowBatch,
) -> Result<()> {
    check_fields(plan, record, number, cx)?;
    for n in 0..plan.fields.len() {
        match record.fields.get(n) {
            None => out.push_default(),
            Some(Field::Null) => out.push_value(Value::Null),
            Some(Field::Text(bytes)) => match charset.and_then(|c| c.to_utf8(bytes)) {
                Some(text) => out.push_text(&text),
                None => out.push_text(bytes),
            },
        }
    }
    out.end_row();
    Ok(())
}

/// One record as a row: a value with its type per given column, none for a default.
fn row(
    session: &Session,
    plan: &Plan,
    record: record::Record,
    number: u64,
    charset: Option<&'static Charset>,
    cx: &Context<'_>,
) -> Result<Vec<Option<(OwnedValue, SqlType)>>> {
    let def = &plan.insert.def;
    let mut cells: Vec<Option<(OwnedValue, SqlType)>> = vec![None; def.columns.len()];
    check_fields(plan, &record, number, cx)?;
    let mut fields = record.fields.into_iter();
    for target in &plan.fields {
        let value = match fields.next() {
            None => None,
            Some(Field::Null) => Some(Value::Null),
            Some(Field::Text(bytes)) => {
                let bytes = match charset.and_then(|c| c.to_utf8(&bytes)) {
                    Some(text) => text,
                    None => bytes,
                };
                Some(Value::Bytes(bytes.into()))
            }
        };
        match target {
            Target::Column(i) => cells[*i] = value.map(|v| (v, TEXT)),
            Target::Variable(name) => {
                session.set_user_variable(name, value.unwrap_or(Value::Null));
            }
        }
    }
    if !plan.set.is_empty() {
        let mut so_far: Vec<OwnedValue> = vec![Value::Null; def.columns.len()];
        for (i, cell) in cells.iter().enumerate() {
            if let Some((v, ty)) = cell {
                so_far[i] = write::store_value(v, ty, def, i, number, plan.insert.ignore, cx)?;
            }
        }
        for (i, a) in &plan.set {
            let mut env = Env::new(1, None, cx);
            env.slots[0] = Slot::Row(Arc::from(so_far.as_slice()));
            let v = a.expr.eval(&env)?.into_owned();
            so_far[*i] = write::store_value(&v, &a.ty, def, *i, number, plan.insert.ignore, cx)?;
            cells[*i] = Some((v, a.ty.clone()));
        }
    }
    Ok(plan
        .insert
        .columns
        .iter()
        .map(|i| cells[*i].take())
        .collect())
}

/// The server's files: for accounts with FILE, below secure_file_priv.
pub(crate) fn check_file_use(session: &Session, name: &str) -> Result<()> {
    if !Sight::new(session).allows(Privilege::File) {
        return Err(Error::privilege_needed("FILE"));
    }
    let allowed = crate::convert::to_string(&session.variable("secure_file_priv"));
    if allowed.is_empty() {
        return Ok(());
    }
    let inside = || {
        let root = std::fs::canonicalize(&allowed).ok()?;
        let path = std::path::Path::new(name);
        // A file that is still to be written stands in a directory that is there.
        let path = std::fs::canonicalize(path)
            .or_else(|_| std::fs::canonicalize(path.parent().unwrap_or(path)))
            .ok()?;
        path.starts_with(root).then_some(())
    };
    inside().ok_or_else(|| Error::server_read_only("--secure-file-priv"))
}

fn open(name: &str) -> Result<File> {
    File::open(name).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => Error::new(
            29,
            "HY000",
            format!("File '{name}' not found (OS errno 2 - No such file or directory)"),
        ),
        _ => Error::new(13, "HY000", format!("Can't get stat of '{name}' ({e})")),
    })
}
