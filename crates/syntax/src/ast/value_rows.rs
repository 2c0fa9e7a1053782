//! The rows of VALUES. Statements of many rows are mostly literals, which take no memory of their
//! own here.

use super::expr::{Expr, Literal, UnaryOp};

/// The rows of an INSERT's VALUES, one behind the other. A row may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValueRows {
    cells: Vec<Cell>,
    /// Where each row's cells end.
    ends: Vec<usize>,
    /// Texts of strings and decimals.
    bytes: Vec<u8>,
    /// Cells that are no literals.
    others: usize,
}

/// There is one way to write each value, so that equal rows are equal here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Cell {
    Null,
    Default,
    Int {
        magnitude: u64,
        negative: bool,
    },
    Decimal {
        start: usize,
        len: u32,
        negative: bool,
    },
    String {
        start: usize,
        len: u32,
    },
    Other(Box<Expr>),
}

/// A value in a row.
#[derive(Clone, Copy, Debug)]
pub enum CellRef<'r> {
    /// NULL.
    Null,
    /// DEFAULT.
    Default,
    /// An integer; a negative one fits 64 bits signed.
    Int {
        /// Without its sign.
        magnitude: u64,
        /// Whether it has one.
        negative: bool,
    },
    /// A number with a point or of many digits, as written but for its sign.
    Decimal {
        /// Its digits.
        text: &'r str,
        /// Whether it has a sign.
        negative: bool,
    },
    /// A string without a character set, after escapes.
    String(&'r [u8]),
    /// Anything else.
    Other(&'r Expr),
}

/// The largest magnitude of a negative integer that is kept as one.
const LEAST: u64 = 1 << 63;

impl ValueRows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Whether every cell is a literal or DEFAULT.
    pub fn are_literals(&self) -> bool {
        self.others == 0
    }

    /// The first row that has not so many cells, counted from 0.
    pub fn find_other_width(&self, width: usize) -> Option<usize> {
        let mut start = 0;
        let is_other = |end: &usize| *end - std::mem::replace(&mut start, *end) != width;
        self.ends.iter().position(is_other)
    }

    /// The rows, from the first on.
    pub fn iter(&self) -> impl Iterator<Item = impl ExactSizeIterator<Item = CellRef<'_>>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| {
            let cells = &self.cells[start..*end];
            cells.iter().map(|cell| self.cell(cell))
        })
    }

    fn cell<'r>(&'r self, cell: &'r Cell) -> CellRef<'r> {
        let text = |start: usize, len: u32| &self.bytes[start..start + len as usize];
        match *cell {
            Cell::Null => CellRef::Null,
            Cell::Default => CellRef::Default,
            Cell::Int {
                magnitude,
                negative,
            } => CellRef::Int {
                magnitude,
                negative,
            },
            Cell::Decimal {
                start,
                len,
                negative,
            } => CellRef::Decimal {
                // It was text when it came.
                text: std::str::from_utf8(text(start, len)).unwrap_or_default(),
                negative,
            },
            Cell::String { start, len } => CellRef::String(text(start, len)),
            Cell::Other(ref expr) => CellRef::Other(expr),
        }
    }

    /// Adds a value to the row.
    pub fn push(&mut self, expr: Expr) {
        match expr {
            Expr::Default(None) => self.push_default(),
            Expr::Literal(Literal::Null) => self.push_null(),
            Expr::Literal(Literal::Int(n)) => self.push_int(n, false),
            Expr::Literal(Literal::Decimal(text)) => self.push_decimal(&text, false),
            Expr::Literal(Literal::String {
                bytes,
                charset: None,
            }) => self.push_string(|out| out.extend_from_slice(&bytes)),
            Expr::Unary {
                op: UnaryOp::Minus,
                expr,
            } => match *expr {
                Expr::Literal(Literal::Int(n)) if ValueRows::has_int(n, true) => {
                    self.push_int(n, true);
                }
                Expr::Literal(Literal::Decimal(text)) => self.push_decimal(&text, true),
                _ => self.push_other(Expr::Unary {
                    op: UnaryOp::Minus,
                    expr,
                }),
            },
            expr => self.push_other(expr),
        }
    }

    fn push_other(&mut self, expr: Expr) {
        self.others += 1;
        self.cells.push(Cell::Other(Box::new(expr)));
    }

    /// Adds NULL.
    pub(crate) fn push_null(&mut self) {
        self.cells.push(Cell::Null);
    }

    /// Adds DEFAULT.
    pub(crate) fn push_default(&mut self) {
        self.cells.push(Cell::Default);
    }

    /// Whether an integer is kept as one: a larger negative one is a decimal number.
    pub(crate) fn has_int(magnitude: u64, negative: bool) -> bool {
        !negative || magnitude <= LEAST
    }

    /// Adds an integer, if there is one like it: see [`ValueRows::has_int`].
    pub(crate) fn push_int(&mut self, magnitude: u64, negative: bool) {
        self.cells.push(Cell::Int {
            magnitude,
            negative,
        });
    }

    /// Adds a decimal number.
    pub(crate) fn push_decimal(&mut self, text: &str, negative: bool) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        self.cells.push(Cell::Decimal {
            start,
            len: text.len() as u32,
            negative,
        });
    }

    /// Adds a string, whose bytes are appended by `write`.
    pub(crate) fn push_string(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.cells.push(Cell::String {
            start,
            len: (self.bytes.len() - start) as u32,
        });
    }

    /// Ends the row.
    pub fn end_row(&mut self) {
        self.ends.push(self.cells.len());
    }
}

impl From<Vec<Expr>> for ValueRows {
    fn from(row: Vec<Expr>) -> ValueRows {
        let mut rows = ValueRows::default();
        row.into_iter().for_each(|expr| rows.push(expr));
        rows.end_row();
        rows
    }
}

impl CellRef<'_> {
    /// The value as an expression.
    pub fn to_expr(self) -> Expr {
        let signed = |negative: bool, l: Literal| match negative {
            false => Expr::Literal(l),
            true => Expr::Unary {
                op: UnaryOp::Minus,
                expr: Box::new(Expr::Literal(l)),
            },
        };
        match self {
            CellRef::Null => Expr::Literal(Literal::Null),
            CellRef::Default => Expr::Default(None),
            CellRef::Int {
                magnitude,
                negative,
            } => signed(negative, Literal::Int(magnitude)),
            CellRef::Decimal { text, negative } => signed(negative, Literal::Decimal(text.into())),
            CellRef::String(bytes) => Expr::Literal(Literal::String {
                bytes: bytes.into(),
                charset: None,
            }),
            CellRef::Other(expr) => expr.clone(),
        }
    }
}
