//! Bytes to tokens, one at a time and without allocation.

use memchr::memchr2;

use crate::Options;
use crate::keyword::Kw;

/// Executable comments up to this version are part of the statement.
const VERSION: u32 = 80_033;

/// Kinds of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum T {
    End,
    /// A byte that starts no token, or a literal without its end.
    Bad,
    Word,
    /// An identifier in quotes.
    Quoted,
    Int,
    Decimal,
    Float,
    /// A string in quotes; `plain` tells whether it is free of escapes.
    Str,
    /// N'..'
    NStr,
    Hex,
    Bit,
    /// @name, @'name', @`name`
    UserVar,
    /// @ alone
    At,
    /// @@
    AtAt,
    Param,
    Comma,
    Dot,
    LParen,
    RParen,
    LBrace,
    RBrace,
    Semi,
    Colon,
    Assign,
    Eq,
    NullSafe,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Shl,
    Shr,
    Pipe,
    PipePipe,
    Amp,
    AmpAmp,
    Caret,
    Tilde,
    Bang,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Arrow,
    ArrowArrow,
}

/// One token with the bytes it covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub kind: T,
    pub kw: Kw,
    /// Strings and quoted names: the text between the quotes stands for itself.
    pub plain: bool,
    pub start: u32,
    pub end: u32,
}

/// Reads tokens from a position on; cloning it looks ahead.
#[derive(Clone)]
pub(crate) struct Lexer<'a> {
    pub src: &'a [u8],
    pub pos: usize,
    /// Inside an executable comment, whose end is blank.
    in_comment: bool,
    /// The last token was an identifier or the dot after one, and ended here.
    name_end: usize,
    after_dot: bool,
    ansi_quotes: bool,
    no_backslash: bool,
    empty_hex: bool,
    /// Bytes inside the last `/*+ */`.
    pub hint: Option<(usize, usize)>,
}

/// Bit 0: may be in an unquoted identifier; bit 1: digit; bit 2: blank.
static CLASS: [u8; 256] = classes();
const NAME: u8 = 1;
const DIGIT: u8 = 2;
const BLANK: u8 = 4;

const fn classes() -> [u8; 256] {
    let mut t = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        if b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80 {
            t[i] |= NAME;
        }
        if b.is_ascii_digit() {
            t[i] |= DIGIT;
        }
        if matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) {
            t[i] |= BLANK;
        }
        i += 1;
    }
    t
}

/// Whether `b` may be part of an unquoted identifier.
pub(crate) fn is_name(b: u8) -> bool {
    CLASS[b as usize] & NAME != 0
}

fn is_digit(b: u8) -> bool {
    CLASS[b as usize] & DIGIT != 0
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(src: &'a [u8], options: &Options) -> Lexer<'a> {
        Lexer {
            src,
            pos: 0,
            in_comment: false,
            name_end: usize::MAX,
            after_dot: false,
            ansi_quotes: options.ansi_quotes,
            no_backslash: options.no_backslash_escapes,
            empty_hex: options.empty_hex,
            hint: None,
        }
    }

    fn at(&self, i: usize) -> u8 {
        self.src.get(i).copied().unwrap_or(0)
    }

    /// Whether only blanks stand between `i` and the start of its line.
    fn line_starts(&self, i: usize) -> bool {
        self.src[..i]
            .iter()
            .rev()
            .take_while(|b| **b != b'\n')
            .all(|b| CLASS[*b as usize] & BLANK != 0)
    }

    fn skip_line(&mut self) {
        while self.pos < self.src.len() && self.src[self.pos] != b'\n' {
            self.pos += 1;
        }
    }

    /// Skips blanks and comments; false when a comment has no end.
    fn skip_blank(&mut self) -> bool {
        loop {
            let b = self.at(self.pos);
            if CLASS[b as usize] & BLANK != 0 {
                self.pos += 1;
                continue;
            }
            match b {
                b'#' => self.skip_line(),
                b'-' if self.at(self.pos + 1) == b'-' => {
                    let next = self.at(self.pos + 2);
                    if next <= b' ' || next == 0x7f || next == b'-' || self.line_starts(self.pos) {
                        self.skip_line();
                    } else {
                        return true;
                    }
                }
                // An extension of Dolt; MySQL has no use for two slashes.
                b'/' if self.at(self.pos + 1) == b'/' => self.skip_line(),
                b'/' if self.at(self.pos + 1) == b'*' => {
                    if !self.comment() {
                        return false;
                    }
                }
                b'*' if self.in_comment && self.at(self.pos + 1) == b'/' => {
                    self.in_comment = false;
                    self.pos += 2;
                }
                _ => return true,
            }
        }
    }

    /// Position of the next `*/` from `i` on.
    fn comment_end(&self, mut i: usize) -> Option<usize> {
        while i + 1 < self.src.len() {
            if self.src[i] == b'*' && self.src[i + 1] == b'/' {
                return Some(i);
            }
            i += 1;
        }
        None
    }

    fn comment(&mut self) -> bool {
        let body = self.pos + 2;
        if self.at(body) == b'!' && !self.in_comment {
            let digits = self.src[body + 1..]
                .iter()
                .take(6)
                .take_while(|b| b.is_ascii_digit())
                .count();
            let version = self.src[body + 1..body + 1 + digits]
                .iter()
                .fold(0u32, |n, b| n * 10 + u32::from(b - b'0'));
            if digits == 0 || (digits >= 5 && version <= VERSION) {
                self.in_comment = true;
                self.pos = body + 1 + digits;
                return true;
            }
            // A newer version's text, which may hold plain comments.
            let mut i = body;
            while i + 1 < self.src.len() {
                match (self.src[i], self.src[i + 1]) {
                    (b'/', b'*') => match self.comment_end(i + 2) {
                        Some(end) => i = end + 2,
                        None => return false,
                    },
                    (b'*', b'/') => {
                        self.pos = i + 2;
                        return true;
                    }
                    _ => i += 1,
                }
            }
            return false;
        }
        let Some(end) = self.comment_end(body) else {
            return false;
        };
        if self.at(body) == b'+' {
            self.hint = Some((body + 1, end));
        }
        self.pos = end + 2;
        true
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Token {
        let before = self.pos;
        let dotted = self.after_dot;
        self.after_dot = false;
        if !self.skip_blank() {
            let start = self.pos as u32;
            self.pos = self.src.len();
            return self.token(T::Bad, start);
        }
        let start = self.pos as u32;
        if self.pos >= self.src.len() {
            let kind = if self.in_comment { T::Bad } else { T::End };
            self.in_comment = false;
            return self.token(kind, start);
        }
        let b = self.src[self.pos];
        if CLASS[b as usize] & NAME != 0 {
            if is_digit(b) && !(dotted && before == self.pos) {
                return self.number();
            }
            return self.word();
        }
        self.pos += 1;
        let next = self.at(self.pos);
        let kind = match b {
            b',' => T::Comma,
            b'(' => T::LParen,
            b')' => T::RParen,
            b'=' => T::Eq,
            b'.' => {
                if is_digit(next) && self.name_end.wrapping_add(1) != self.pos {
                    self.pos -= 1;
                    return self.number();
                }
                self.after_dot = true;
                T::Dot
            }
            b'\'' => return self.string(T::Str, b'\'', start),
            b'"' if self.ansi_quotes => return self.quoted(T::Quoted, b'"', start),
            b'"' => return self.string(T::Str, b'"', start),
            b'`' => return self.quoted(T::Quoted, b'`', start),
            b'?' => T::Param,
            b';' => T::Semi,
            b'@' => return self.at_sign(start),
            b'<' => match (next, self.at(self.pos + 1)) {
                (b'=', b'>') => self.more(2, T::NullSafe),
                (b'=', _) => self.more(1, T::Le),
                (b'>', _) => self.more(1, T::Ne),
                (b'<', _) => self.more(1, T::Shl),
                _ => T::Lt,
            },
            b'>' => match next {
                b'=' => self.more(1, T::Ge),
                b'>' => self.more(1, T::Shr),
                _ => T::Gt,
            },
            b'!' if next == b'=' => self.more(1, T::Ne),
            b'!' => T::Bang,
            b'|' if next == b'|' => self.more(1, T::PipePipe),
            b'|' => T::Pipe,
            b'&' if next == b'&' => self.more(1, T::AmpAmp),
            b'&' => T::Amp,
            b':' if next == b'=' => self.more(1, T::Assign),
            b':' => T::Colon,
            b'-' if next == b'>' && self.at(self.pos + 1) == b'>' => self.more(2, T::ArrowArrow),
            b'-' if next == b'>' => self.more(1, T::Arrow),
            b'-' => T::Minus,
            b'+' => T::Plus,
            b'*' => T::Star,
            b'/' => T::Slash,
            b'%' => T::Percent,
            b'^' => T::Caret,
            b'~' => T::Tilde,
            b'{' => T::LBrace,
            b'}' => T::RBrace,
            _ => T::Bad,
        };
        self.token(kind, start)
    }

    fn more(&mut self, n: usize, kind: T) -> T {
        self.pos += n;
        kind
    }

    fn token(&self, kind: T, start: u32) -> Token {
        Token {
            kind,
            kw: Kw::NotKeyword,
            plain: true,
            start,
            end: self.pos as u32,
        }
    }

    fn word(&mut self) -> Token {
        let start = self.pos;
        let mut i = start + 1;
        while i < self.src.len() && CLASS[self.src[i] as usize] & NAME != 0 {
            i += 1;
        }
        if i == start + 1 && self.at(i) == b'\'' {
            match self.src[start] {
                b'n' | b'N' => {
                    self.pos = i + 1;
                    return self.string(T::NStr, b'\'', start as u32);
                }
                b'x' | b'X' => return self.digits(T::Hex, start, u8::is_ascii_hexdigit),
                b'b' | b'B' => return self.digits(T::Bit, start, |b| matches!(b, b'0' | b'1')),
                _ => {}
            }
        }
        self.pos = i;
        self.name_end = i;
        Token {
            kw: Kw::of(&self.src[start..i]),
            ..self.token(T::Word, start as u32)
        }
    }

    /// x'..' and b'..'
    fn digits(&mut self, kind: T, start: usize, ok: impl Fn(&u8) -> bool) -> Token {
        let mut i = start + 2;
        while i < self.src.len() && ok(&self.src[i]) {
            i += 1;
        }
        let good = self.at(i) == b'\'' && (kind == T::Bit || (i - start).is_multiple_of(2));
        self.pos = (i + 1).min(self.src.len());
        self.token(if good { kind } else { T::Bad }, start as u32)
    }

    fn number(&mut self) -> Token {
        let start = self.pos;
        let src = self.src;
        let run = |mut i: usize, ok: fn(&u8) -> bool| {
            while i < src.len() && ok(&src[i]) {
                i += 1;
            }
            i
        };
        let ends_name = |i: usize| i >= src.len() || !is_name(src[i]);
        if src[start] == b'0' {
            let (kind, ok): (T, fn(&u8) -> bool) = match self.at(start + 1) {
                b'x' => (T::Hex, u8::is_ascii_hexdigit),
                b'b' => (T::Bit, |b| matches!(b, b'0' | b'1')),
                _ => (T::Int, u8::is_ascii_digit),
            };
            if kind != T::Int {
                let i = run(start + 2, ok);
                let digits = i > start + 2 || (kind == T::Hex && self.empty_hex);
                if digits && ends_name(i) {
                    self.pos = i;
                    return self.token(kind, start as u32);
                }
                return self.word();
            }
        }
        let mut i = run(start, u8::is_ascii_digit);
        let mut kind = T::Int;
        if self.at(i) == b'.' {
            i = run(i + 1, u8::is_ascii_digit);
            kind = T::Decimal;
        }
        if matches!(self.at(i), b'e' | b'E') {
            let sign = usize::from(matches!(self.at(i + 1), b'+' | b'-'));
            let end = run(i + 1 + sign, u8::is_ascii_digit);
            if end > i + 1 + sign && (ends_name(end) || kind == T::Decimal || sign == 1) {
                self.pos = end;
                return self.token(T::Float, start as u32);
            }
        }
        if kind == T::Int && !ends_name(i) {
            return self.word();
        }
        self.pos = i;
        self.token(kind, start as u32)
    }

    /// The rest of a string whose opening quote is consumed.
    fn string(&mut self, kind: T, quote: u8, start: u32) -> Token {
        let mut plain = true;
        let src = self.src;
        let mut i = self.pos;
        let escape = if self.no_backslash { quote } else { b'\\' };
        while let Some(n) = src.get(i..).and_then(|rest| memchr2(quote, escape, rest)) {
            i += n;
            if src[i] == quote && src.get(i + 1) != Some(&quote) {
                self.pos = i + 1;
                let token = self.token(kind, start);
                return Token { plain, ..token };
            }
            // The next character stands for itself.
            plain = false;
            i += 2;
        }
        self.pos = src.len();
        self.token(T::Bad, start)
    }

    /// The rest of a quoted name whose opening quote is consumed.
    fn quoted(&mut self, kind: T, quote: u8, start: u32) -> Token {
        let mut plain = true;
        let src = self.src;
        let mut i = self.pos;
        while i < src.len() {
            if src[i] == quote {
                if i + 1 < src.len() && src[i + 1] == quote {
                    plain = false;
                    i += 2;
                    continue;
                }
                self.pos = i + 1;
                self.name_end = i + 1;
                let token = self.token(kind, start);
                return Token { plain, ..token };
            }
            i += 1;
        }
        self.pos = src.len();
        self.token(T::Bad, start)
    }

    fn at_sign(&mut self, start: u32) -> Token {
        let next = self.at(self.pos);
        match next {
            b'@' => {
                self.pos += 1;
                self.token(T::AtAt, start)
            }
            b'`' => {
                self.pos += 1;
                self.quoted(T::UserVar, next, start)
            }
            b'\'' | b'"' => {
                self.pos += 1;
                self.string(T::UserVar, next, start)
            }
            _ => {
                while self.pos < self.src.len()
                    && (is_name(self.src[self.pos]) || self.src[self.pos] == b'.')
                {
                    self.pos += 1;
                }
                let empty = self.pos == start as usize + 1;
                self.token(if empty { T::At } else { T::UserVar }, start)
            }
        }
    }
}

/// The bytes of a string between its quotes, with doubled quotes and escapes resolved.
pub(crate) fn unescape(inner: &[u8], quote: u8, no_backslash: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(inner.len());
    let mut i = 0;
    while i < inner.len() {
        let b = inner[i];
        i += 1;
        if b == quote {
            // The lexer admits quotes inside only in pairs.
            i += 1;
            out.push(b);
        } else if b == b'\\' && !no_backslash && i < inner.len() {
            let e = inner[i];
            i += 1;
            match e {
                b'0' => out.push(0),
                b'b' => out.push(8),
                b'n' => out.push(b'\n'),
                b'r' => out.push(b'\r'),
                b't' => out.push(b'\t'),
                b'Z' => out.push(26),
                b'%' | b'_' => out.extend([b'\\', e]),
                _ => out.push(e),
            }
        } else {
            out.push(b);
        }
    }
    out
}
