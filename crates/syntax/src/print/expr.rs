//! Expressions, with parentheses only where precedence asks for them.

use super::Sql;
use crate::ast::*;
use crate::parser::level::*;

/// Above every operator.
const ATOM: u8 = PRIMARY + 1;

/// SQL of an infix operator and its level.
fn binary(op: BinaryOp) -> (&'static str, u8) {
    use BinaryOp::*;
    match op {
        Xor => ("XOR", XOR),
        Eq => ("=", COMPARE),
        NullSafeEq => ("<=>", COMPARE),
        Ne => ("<>", COMPARE),
        Lt => ("<", COMPARE),
        Le => ("<=", COMPARE),
        Gt => (">", COMPARE),
        Ge => (">=", COMPARE),
        SoundsLike => ("SOUNDS LIKE", PREDICATE),
        BitOr => ("|", BIT_OR),
        BitAnd => ("&", BIT_AND),
        ShiftLeft => ("<<", SHIFT),
        ShiftRight => (">>", SHIFT),
        Add => ("+", ADD),
        Sub => ("-", ADD),
        Mul => ("*", MULTIPLY),
        Div => ("/", MULTIPLY),
        IntDiv => ("DIV", MULTIPLY),
        Mod => ("%", MULTIPLY),
        BitXor => ("^", BIT_XOR),
        // Printed as a call: pipes mean something else without PIPES_AS_CONCAT.
        Concat => ("||", ATOM),
        JsonExtract => ("->", PRIMARY),
        JsonUnquote => ("->>", PRIMARY),
    }
}

fn unary(op: UnaryOp) -> (&'static str, u8) {
    match op {
        UnaryOp::Not => ("NOT ", NOT),
        UnaryOp::Bang => ("!", BANG),
        UnaryOp::Minus => ("-", NEGATE),
        UnaryOp::Plus => ("+", NEGATE),
        UnaryOp::BitNot => ("~", NEGATE),
        UnaryOp::Binary => ("BINARY ", COLLATE),
    }
}

fn level(expr: &Expr) -> u8 {
    match expr {
        Expr::Assign { .. } => 0,
        Expr::Or(_) => OR,
        Expr::And(_) => AND,
        Expr::Binary { op, .. } => binary(*op).1,
        Expr::Unary { op, .. } => unary(*op).1,
        Expr::Is { .. } | Expr::Quantified { .. } => COMPARE,
        Expr::Like { .. }
        | Expr::Regexp { .. }
        | Expr::Between { .. }
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::MemberOf { .. } => PREDICATE,
        Expr::Collate { .. } => COLLATE,
        _ => ATOM,
    }
}

impl Sql<'_> {
    pub(super) fn expr(&mut self, expr: &Expr) {
        self.expr_at(expr, 0);
    }

    pub(super) fn exprs(&mut self, list: &[Expr]) -> &mut Self {
        self.list(list, |w, e| w.expr(e))
    }

    /// `expr`, in parentheses when it binds more loosely than `min`.
    pub(super) fn expr_at(&mut self, expr: &Expr, min: u8) -> &mut Self {
        if level(expr) < min {
            self.s("(");
            self.bare_expr(expr);
            self.s(")");
        } else {
            self.bare_expr(expr);
        }
        self
    }

    fn chain(&mut self, operands: &[Expr], word: &str, min: u8) {
        for (i, operand) in operands.iter().enumerate() {
            if i > 0 {
                self.s(word);
            }
            self.expr_at(operand, min);
        }
    }

    fn column(&mut self, column: &ColumnRef) -> &mut Self {
        if let Some(db) = &column.db {
            self.ident(db).s(".");
        }
        if let Some(table) = &column.table {
            self.ident(table).s(".");
        }
        self.ident(&column.name)
    }

    pub(super) fn column_ref(&mut self, column: &ColumnRef) -> &mut Self {
        self.column(column)
    }

    pub(super) fn system_var(&mut self, scope: Option<VarScope>, name: &str) -> &mut Self {
        self.s("@@");
        if let Some(scope) = scope {
            self.s(scope_word(scope)).s(".");
        }
        for (i, part) in name.splitn(2, '.').enumerate() {
            if i > 0 {
                self.s(".");
            }
            self.ident(part);
        }
        self
    }

    fn bare_expr(&mut self, expr: &Expr) {
        let not = |negated: bool| if negated { " NOT" } else { "" };
        match expr {
            Expr::Literal(literal) => self.literal(literal),
            Expr::Column(column) => {
                self.column(column);
            }
            Expr::SystemVar(var) => {
                self.system_var(var.scope, &var.name);
            }
            Expr::UserVar(name) => {
                self.user_var(name);
            }
            Expr::Param(_) => {
                self.s("?");
            }
            Expr::Unary { op, expr } => {
                let (word, level) = unary(*op);
                self.s(word);
                let at = self.0.len();
                self.expr_at(expr, level);
                // Two minus signs would begin a comment.
                if word == "-" && self.0.get(at) == Some(&b'-') {
                    self.0.insert(at, b' ');
                }
            }
            Expr::Binary {
                op: BinaryOp::Concat,
                left,
                right,
            } => {
                self.s("CONCAT(").expr_at(left, 0).s(", ");
                self.expr_at(right, 0).s(")");
            }
            Expr::Binary { op, left, right } => {
                let (word, level) = binary(*op);
                let (low, high) = match op {
                    BinaryOp::SoundsLike => (BIT_OR, BIT_OR),
                    _ => (level, level + 1),
                };
                self.expr_at(left, low).s(" ").s(word).s(" ");
                self.expr_at(right, high);
            }
            Expr::And(operands) => self.chain(operands, " AND ", NOT),
            Expr::Or(operands) => self.chain(operands, " OR ", XOR),
            Expr::Quantified {
                op,
                left,
                quantifier,
                query,
            } => {
                self.expr_at(left, COMPARE).s(" ").s(binary(*op).0);
                self.s(match quantifier {
                    Quantifier::Any => " ANY ",
                    Quantifier::All => " ALL ",
                });
                self.paren_query(query);
            }
            Expr::Like {
                expr,
                negated,
                pattern,
                escape,
            } => {
                self.expr_at(expr, BIT_OR).s(not(*negated)).s(" LIKE ");
                self.expr_at(pattern, BIT_OR);
                if let Some(escape) = escape {
                    self.s(" ESCAPE ").expr_at(escape, BANG);
                }
            }
            Expr::Regexp {
                expr,
                negated,
                pattern,
            } => {
                self.expr_at(expr, BIT_OR).s(not(*negated)).s(" REGEXP ");
                self.expr_at(pattern, BIT_OR);
            }
            Expr::Between {
                expr,
                negated,
                low,
                high,
            } => {
                self.expr_at(expr, BIT_OR).s(not(*negated)).s(" BETWEEN ");
                self.expr_at(low, BIT_OR).s(" AND ");
                self.expr_at(high, PREDICATE);
            }
            Expr::InList {
                expr,
                negated,
                list,
            } => {
                self.expr_at(expr, BIT_OR).s(not(*negated)).s(" IN (");
                self.exprs(list).s(")");
            }
            Expr::InSubquery {
                expr,
                negated,
                query,
            } => {
                self.expr_at(expr, BIT_OR).s(not(*negated)).s(" IN ");
                self.paren_query(query);
            }
            Expr::Is {
                expr,
                negated,
                what,
            } => {
                self.expr_at(expr, COMPARE).s(" IS").s(not(*negated));
                self.s(match what {
                    IsWhat::Null => " NULL",
                    IsWhat::True => " TRUE",
                    IsWhat::False => " FALSE",
                    IsWhat::Unknown => " UNKNOWN",
                });
            }
            Expr::MemberOf { value, array } => {
                self.expr_at(value, BIT_OR).s(" MEMBER OF (");
                self.expr(array);
                self.s(")");
            }
            Expr::Collate { expr, collation } => {
                let min = match **expr {
                    Expr::Collate { .. } => COLLATE,
                    _ => COLLATE + 1,
                };
                self.expr_at(expr, min).s(" COLLATE ").charset(collation);
            }
            Expr::Case {
                operand,
                branches,
                otherwise,
            } => {
                self.s("CASE");
                if let Some(operand) = operand {
                    self.s(" ").expr(operand);
                }
                for (when, then) in branches {
                    self.s(" WHEN ").expr(when);
                    self.s(" THEN ").expr(then);
                }
                if let Some(otherwise) = otherwise {
                    self.s(" ELSE ").expr(otherwise);
                }
                self.s(" END");
            }
            Expr::Row(items) => {
                self.when(items.len() < 2, "ROW").s("(").exprs(items).s(")");
            }
            Expr::Exists(query) => {
                self.s("EXISTS ").paren_query(query);
            }
            Expr::Subquery(query) => {
                self.paren_query(query);
            }
            Expr::Assign { target, value } => {
                self.user_var(target).s(" := ").expr(value);
            }
            _ => self.call_like(expr),
        }
    }

    fn call_like(&mut self, expr: &Expr) {
        match expr {
            Expr::Function(call) => self.call(call),
            Expr::Cast {
                expr,
                to,
                at_time_zone,
            } => {
                self.s("CAST(").expr(expr);
                if let Some(zone) = at_time_zone {
                    self.s(" AT TIME ZONE ").str(zone);
                }
                self.s(" AS ").cast_type(to);
                self.s(")");
            }
            Expr::ConvertUsing { expr, charset } => {
                self.s("CONVERT(").expr(expr);
                self.s(" USING ").charset(charset).s(")");
            }
            Expr::CharUsing { args, charset } => {
                self.s("CHAR(").exprs(args).s(" USING ");
                self.charset(charset).s(")");
            }
            Expr::WeightString { expr, pad } => {
                self.s("WEIGHT_STRING(").expr(expr);
                if let Some(pad) = pad {
                    self.s(if pad.binary {
                        " AS BINARY("
                    } else {
                        " AS CHAR("
                    })
                    .num(pad.length)
                    .s(")");
                }
                self.s(")");
            }
            Expr::Extract { unit, expr } => {
                self.s("EXTRACT(").s(unit.as_str()).s(" FROM ").expr(expr);
                self.s(")");
            }
            Expr::Trim { side, what, from } => {
                self.s("TRIM(").s(match side {
                    TrimSide::Unspecified => "",
                    TrimSide::Both => "BOTH ",
                    TrimSide::Leading => "LEADING ",
                    TrimSide::Trailing => "TRAILING ",
                });
                if let Some(what) = what {
                    self.expr(what);
                    self.s(" FROM ");
                } else if *side != TrimSide::Unspecified {
                    self.s("FROM ");
                }
                self.expr(from);
                self.s(")");
            }
            Expr::Position { needle, haystack } => {
                self.s("POSITION(").expr_at(needle, BIT_OR).s(" IN ");
                self.expr(haystack);
                self.s(")");
            }
            Expr::TimestampFunction {
                diff,
                unit,
                first,
                second,
            } => {
                self.s(if *diff {
                    "TIMESTAMPDIFF("
                } else {
                    "TIMESTAMPADD("
                });
                self.s(unit.as_str()).s(", ").expr(first);
                self.s(", ").expr(second);
                self.s(")");
            }
            Expr::GetFormat { kind, format } => {
                self.s("GET_FORMAT(").s(kind).s(", ").expr(format);
                self.s(")");
            }
            Expr::JsonValue {
                doc,
                path,
                returning,
                on_empty,
                on_error,
            } => {
                self.s("JSON_VALUE(").expr(doc);
                self.s(", ").expr(path);
                if let Some(returning) = returning {
                    self.s(" RETURNING ").cast_type(returning);
                }
                self.json_on(on_empty.as_deref(), on_error.as_deref());
                self.s(")");
            }
            Expr::Interval { value, unit } => {
                self.s("INTERVAL ").expr_at(value, OR);
                self.s(" ").s(unit.as_str());
            }
            Expr::Match {
                columns,
                against,
                mode,
            } => {
                self.s("MATCH (").list(columns, |w, c| {
                    w.column(c);
                });
                self.s(") AGAINST (").expr_at(against, BIT_OR);
                self.s(match mode {
                    MatchMode::Default => "",
                    MatchMode::NaturalLanguage => " IN NATURAL LANGUAGE MODE",
                    MatchMode::NaturalLanguageWithExpansion => {
                        " IN NATURAL LANGUAGE MODE WITH QUERY EXPANSION"
                    }
                    MatchMode::Boolean => " IN BOOLEAN MODE",
                    MatchMode::WithExpansion => " WITH QUERY EXPANSION",
                });
                self.s(")");
            }
            Expr::Default(None) => {
                self.s("DEFAULT");
            }
            Expr::Default(Some(column)) => {
                self.s("DEFAULT(").column(column).s(")");
            }
            Expr::Values(column) => {
                self.s("VALUES(").column(column).s(")");
            }
            Expr::Odbc { kind, expr } => {
                self.s("{").ident(kind).s(" ").expr(expr);
                self.s("}");
            }
            _ => {}
        }
    }

    pub(super) fn json_on(&mut self, on_empty: Option<&JsonOn>, on_error: Option<&JsonOn>) {
        for (what, when) in [(on_empty, " ON EMPTY"), (on_error, " ON ERROR")] {
            match what {
                None => continue,
                Some(JsonOn::Null) => self.s(" NULL"),
                Some(JsonOn::Error) => self.s(" ERROR"),
                Some(JsonOn::Default(value)) => self.s(" DEFAULT ").expr_at(value, BANG),
            };
            self.s(when);
        }
    }

    fn call(&mut self, call: &FunctionCall) {
        if let Some(db) = &call.db {
            self.ident(db).s(".").ident(&call.name);
        } else if super::is_plain(&call.name) {
            self.s(&call.name);
        } else {
            self.quoted(&call.name);
        }
        self.s("(").when(call.distinct, "DISTINCT ");
        self.when(call.star, "*").exprs(&call.args);
        self.order_by(&call.order_by);
        if let Some(separator) = &call.separator {
            self.s(" SEPARATOR ").string(separator);
        }
        self.s(")").when(call.from_last, " FROM LAST");
        match call.nulls {
            Some(NullTreatment::Respect) => self.s(" RESPECT NULLS"),
            Some(NullTreatment::Ignore) => self.s(" IGNORE NULLS"),
            None => self,
        };
        match call.over.as_deref() {
            None => {}
            Some(Over::Name(name)) => {
                self.s(" OVER ").ident(name);
            }
            Some(Over::Spec(spec)) => {
                self.s(" OVER ");
                self.window_spec(spec);
            }
        }
    }

    pub(super) fn window_spec(&mut self, spec: &WindowSpec) {
        self.s("(");
        if let Some(base) = &spec.base {
            self.ident(base);
        }
        if !spec.partition_by.is_empty() {
            self.s(" PARTITION BY ").exprs(&spec.partition_by);
        }
        self.order_by(&spec.order_by);
        if let Some(frame) = &spec.frame {
            self.s(match frame.unit {
                FrameUnit::Rows => " ROWS ",
                FrameUnit::Range => " RANGE ",
                FrameUnit::Groups => " GROUPS ",
            });
            match &frame.end {
                None => self.frame_bound(&frame.start),
                Some(end) => {
                    self.s("BETWEEN ");
                    self.frame_bound(&frame.start);
                    self.s(" AND ");
                    self.frame_bound(end);
                }
            }
            self.s(match frame.exclude {
                None => "",
                Some(FrameExclude::CurrentRow) => " EXCLUDE CURRENT ROW",
                Some(FrameExclude::Group) => " EXCLUDE GROUP",
                Some(FrameExclude::Ties) => " EXCLUDE TIES",
                Some(FrameExclude::NoOthers) => " EXCLUDE NO OTHERS",
            });
        }
        self.s(")");
    }

    fn frame_bound(&mut self, bound: &FrameBound) {
        match bound {
            FrameBound::UnboundedPreceding => self.s("UNBOUNDED PRECEDING"),
            FrameBound::UnboundedFollowing => self.s("UNBOUNDED FOLLOWING"),
            FrameBound::CurrentRow => self.s("CURRENT ROW"),
            FrameBound::Preceding(expr) => self.expr_at(expr, BIT_OR).s(" PRECEDING"),
            FrameBound::Following(expr) => self.expr_at(expr, BIT_OR).s(" FOLLOWING"),
        };
    }

    pub(super) fn order_by(&mut self, items: &[OrderItem]) -> &mut Self {
        if !items.is_empty() {
            self.s(" ORDER BY ").list(items, |w, item| {
                w.expr(&item.expr);
                w.when(item.descending, " DESC");
            });
        }
        self
    }

    pub(super) fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Null => {
                self.s("NULL");
            }
            Literal::Bool(b) => {
                self.s(if *b { "TRUE" } else { "FALSE" });
            }
            Literal::Int(n) => {
                self.num(n);
            }
            Literal::Decimal(text) | Literal::Float(text) => {
                self.s(text);
            }
            Literal::String { bytes, charset } => {
                self.introducer(charset).string(bytes);
            }
            Literal::Hex { bytes, charset } => {
                self.introducer(charset).s("x'");
                for b in bytes {
                    self.s(&format!("{b:02X}"));
                }
                self.s("'");
            }
            Literal::Bit { bytes, charset } => {
                self.introducer(charset).s("b'");
                for b in bytes {
                    self.s(&format!("{b:08b}"));
                }
                self.s("'");
            }
            Literal::Temporal { kind, text } => {
                self.s(match kind {
                    TemporalKind::Date => "DATE ",
                    TemporalKind::Time => "TIME ",
                    TemporalKind::Timestamp => "TIMESTAMP ",
                });
                self.str(text);
            }
        }
    }

    fn introducer(&mut self, charset: &Option<Box<str>>) -> &mut Self {
        if let Some(charset) = charset {
            self.s("_").s(charset).s(" ");
        }
        self
    }

    pub(super) fn cast_type(&mut self, to: &CastType) {
        let sized = |n: &Option<u64>| n.map_or(String::new(), |n| format!("({n})"));
        let sized32 = |n: &Option<u32>| n.map_or(String::new(), |n| format!("({n})"));
        match &to.kind {
            CastKind::Binary(n) => {
                self.s("BINARY").s(&sized(n));
            }
            CastKind::Char {
                length,
                charset,
                binary,
            } => {
                self.s("CHAR").s(&sized(length));
                if let Some(charset) = charset {
                    self.s(" CHARACTER SET ").charset(charset);
                }
                self.when(*binary, " BINARY");
            }
            CastKind::NChar(n) => {
                self.s("NCHAR").s(&sized(n));
            }
            CastKind::Date => {
                self.s("DATE");
            }
            CastKind::Datetime(n) => {
                self.s("DATETIME").s(&sized32(n));
            }
            CastKind::Time(n) => {
                self.s("TIME").s(&sized32(n));
            }
            CastKind::Year => {
                self.s("YEAR");
            }
            CastKind::Signed => {
                self.s("SIGNED");
            }
            CastKind::Unsigned => {
                self.s("UNSIGNED");
            }
            CastKind::Decimal { precision, scale } => {
                self.s("DECIMAL");
                if let Some(precision) = precision {
                    self.s("(").num(precision);
                    if let Some(scale) = scale {
                        self.s(", ").num(scale);
                    }
                    self.s(")");
                }
            }
            CastKind::Float(n) => {
                self.s("FLOAT").s(&sized32(n));
            }
            CastKind::Double => {
                self.s("DOUBLE");
            }
            CastKind::Real => {
                self.s("REAL");
            }
            CastKind::Json => {
                self.s("JSON");
            }
            CastKind::Geometry(name) => {
                self.s(name);
            }
            CastKind::Vector(n) => {
                self.s("VECTOR").s(&sized32(n));
            }
        }
        self.when(to.array, " ARRAY");
    }
}

/// The word of a variable's scope.
pub(super) fn scope_word(scope: VarScope) -> &'static str {
    match scope {
        VarScope::Global => "GLOBAL",
        VarScope::Session => "SESSION",
        VarScope::Persist => "PERSIST",
        VarScope::PersistOnly => "PERSIST_ONLY",
    }
}
