//! The parser's state: the current token, what it is, and how to step over it.

mod account;
mod alter;
mod expr;
mod function;
mod program;
mod query;
mod replication;
mod rows;
mod schema;
mod session;
mod show;
mod statement;
mod table;
mod table_ref;
mod types;

pub(crate) use expr::level;

use crate::Options;
use crate::ast::{Ident, ObjectName, Span};
use crate::error::{SyntaxError, Unexpected};
use crate::keyword::Kw;
use crate::lexer::{Lexer, T, Token, is_name, unescape};

pub(crate) type Res<T> = Result<T, SyntaxError>;

/// Height of an expression tree for each level of nesting that is accepted.
const HEIGHT_PER_DEPTH: u32 = 5;

/// Characters of the text that an error shows.
const NEAR: usize = 80;

/// Reads one statement.
pub(crate) struct Parser<'a> {
    lx: Lexer<'a>,
    tok: Token,
    /// End of the token before the current one.
    prev_end: u32,
    pub(crate) params: u32,
    depth: usize,
    /// Height of the tallest expression parsed since the enclosing one began.
    height: u32,
    options: &'a Options,
}

/// An integer that fits 64 bits whatever its digits are.
fn small_integer(digits: &[u8]) -> Option<u64> {
    let add = |n: u64, d: &u8| n * 10 + u64::from(d - b'0');
    (digits.len() <= 19).then(|| digits.iter().fold(0, add))
}

impl<'a> Parser<'a> {
    pub(crate) fn new(src: &'a [u8], options: &'a Options) -> Parser<'a> {
        let mut lx = Lexer::new(src, options);
        let tok = lx.next();
        Parser {
            lx,
            tok,
            prev_end: 0,
            params: 0,
            depth: 0,
            height: 0,
            options,
        }
    }

    // Position and errors.

    pub(crate) fn token(&self) -> Token {
        self.tok
    }

    fn start(&self) -> u32 {
        self.tok.start
    }

    fn span_from(&self, start: u32) -> Span {
        Span {
            start,
            end: self.prev_end.max(start),
        }
    }

    /// An error at the current token.
    pub(crate) fn unexpected(&self) -> SyntaxError {
        self.unexpected_at(self.tok.start as usize)
    }

    #[cold]
    fn unexpected_at(&self, position: usize) -> SyntaxError {
        let src = self.lx.src;
        let position = position.min(src.len());
        let rest = &src[position..];
        let text = String::from_utf8_lossy(&rest[..rest.len().min(NEAR * 4)]);
        let line = 1 + src[..position].iter().filter(|b| **b == b'\n').count();
        SyntaxError::Unexpected(Unexpected {
            position,
            line,
            near: text.chars().take(NEAR).collect::<String>().into(),
        })
    }

    fn fail<X>(&self) -> Res<X> {
        Err(self.unexpected())
    }

    /// Runs `f` one level deeper.
    fn nested<X>(&mut self, f: impl FnOnce(&mut Self) -> Res<X>) -> Res<X> {
        self.enter()?;
        let x = f(self);
        self.depth -= 1;
        x
    }

    fn enter(&mut self) -> Res<()> {
        if self.depth >= self.options.max_depth {
            return Err(self.too_deep());
        }
        self.depth += 1;
        Ok(())
    }

    #[cold]
    fn too_deep(&self) -> SyntaxError {
        SyntaxError::TooDeep {
            position: self.tok.start as usize,
            limit: self.options.max_depth,
        }
    }

    /// Notes that a tree of this height was built.
    fn raise(&mut self, height: u32) -> Res<()> {
        let limit = (self.options.max_depth as u32).saturating_mul(HEIGHT_PER_DEPTH);
        if height > limit {
            return Err(self.too_deep());
        }
        self.height = self.height.max(height);
        Ok(())
    }

    // Tokens.

    fn advance(&mut self) -> Token {
        let tok = self.tok;
        self.prev_end = tok.end;
        self.tok = self.lx.next();
        tok
    }

    fn peek(&self) -> Token {
        self.lx.clone().next()
    }

    /// The tokens after the current one.
    fn peek2(&self) -> (Token, Token) {
        let mut lx = self.lx.clone();
        (lx.next(), lx.next())
    }

    fn is(&self, kind: T) -> bool {
        self.tok.kind == kind
    }

    fn kw(&self, kw: Kw) -> bool {
        self.tok.kw == kw
    }

    fn eat(&mut self, kind: T) -> bool {
        let hit = self.tok.kind == kind;
        if hit {
            self.advance();
        }
        hit
    }

    fn eat_kw(&mut self, kw: Kw) -> bool {
        let hit = self.tok.kw == kw;
        if hit {
            self.advance();
        }
        hit
    }

    fn expect(&mut self, kind: T) -> Res<Token> {
        if self.tok.kind == kind {
            Ok(self.advance())
        } else {
            self.fail()
        }
    }

    fn expect_kw(&mut self, kw: Kw) -> Res<()> {
        if self.eat_kw(kw) { Ok(()) } else { self.fail() }
    }

    fn bytes(&self, tok: Token) -> &'a [u8] {
        &self.lx.src[tok.start as usize..tok.end as usize]
    }

    /// Whether the current token is this unquoted word.
    fn w(&self, word: &str) -> bool {
        self.tok.kind == T::Word && self.bytes(self.tok).eq_ignore_ascii_case(word.as_bytes())
    }

    fn token_is(&self, tok: Token, word: &str) -> bool {
        tok.kind == T::Word && self.bytes(tok).eq_ignore_ascii_case(word.as_bytes())
    }

    fn peek_w(&self, word: &str) -> bool {
        self.token_is(self.peek(), word)
    }

    fn eat_w(&mut self, word: &str) -> bool {
        let hit = self.w(word);
        if hit {
            self.advance();
        }
        hit
    }

    /// Eats all of `words`, or none of them.
    fn eat_ws(&mut self, words: &[&str]) -> bool {
        let Some((first, rest)) = words.split_first() else {
            return true;
        };
        if !self.w(first) {
            return false;
        }
        let mut lx = self.lx.clone();
        for word in rest {
            let tok = lx.next();
            if !self.token_is(tok, word) {
                return false;
            }
        }
        for _ in words {
            self.advance();
        }
        true
    }

    fn expect_w(&mut self, word: &str) -> Res<()> {
        if self.eat_w(word) {
            Ok(())
        } else {
            self.fail()
        }
    }

    fn expect_ws(&mut self, words: &[&str]) -> Res<()> {
        words.iter().try_for_each(|word| self.expect_w(word))
    }

    /// Eats the one of `words` that stands here and gives it.
    fn one_of(&mut self, words: &[&'static str]) -> Option<&'static str> {
        let hit = words.iter().find(|word| self.w(word)).copied();
        if hit.is_some() {
            self.advance();
        }
        hit
    }

    fn if_exists(&mut self) -> bool {
        self.eat_ws(&["IF", "EXISTS"])
    }

    fn if_not_exists(&mut self) -> bool {
        self.eat_ws(&["IF", "NOT", "EXISTS"])
    }

    /// Steps over semicolons and gives the kind of the token after them.
    pub(crate) fn skip_semicolons(&mut self) -> T {
        while self.eat(T::Semi) {}
        self.tok.kind
    }

    /// An expression and nothing else.
    pub(crate) fn whole_expr(&mut self) -> Res<crate::ast::Expr> {
        let expr = self.expr()?;
        if self.is(T::End) {
            Ok(expr)
        } else {
            self.fail()
        }
    }

    /// Whether nothing of the statement is left.
    fn at_end(&self) -> bool {
        matches!(self.tok.kind, T::End | T::Semi)
    }

    // Lists.

    fn comma_list<X>(&mut self, mut item: impl FnMut(&mut Self) -> Res<X>) -> Res<Vec<X>> {
        let mut items = vec![item(self)?];
        while self.eat(T::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `( item, ... )`
    fn paren_list<X>(&mut self, item: impl FnMut(&mut Self) -> Res<X>) -> Res<Vec<X>> {
        self.expect(T::LParen)?;
        let items = self.comma_list(item)?;
        self.expect(T::RParen)?;
        Ok(items)
    }

    /// `( [item, ...] )`
    fn paren_list_or_empty<X>(&mut self, item: impl FnMut(&mut Self) -> Res<X>) -> Res<Vec<X>> {
        if self.is(T::LParen) && self.peek().kind == T::RParen {
            self.advance();
            self.advance();
            return Ok(Vec::new());
        }
        self.paren_list(item)
    }

    // Names.

    fn utf8(&self, bytes: &[u8], at: Token) -> Res<Box<str>> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(self.unexpected_at(at.start as usize)),
        }
    }

    /// The name that a word or a quoted name stands for.
    fn name_of(&self, tok: Token) -> Res<Ident> {
        let raw = self.bytes(tok);
        if tok.kind == T::Word {
            return Ok(Ident(self.utf8(raw, tok)?));
        }
        let quote = raw[0];
        let inner = &raw[1..raw.len() - 1];
        if tok.plain {
            return Ok(Ident(self.utf8(inner, tok)?));
        }
        Ok(Ident(self.utf8(&unescape(inner, quote, true), tok)?))
    }

    fn is_ident_token(&self, tok: Token) -> bool {
        match tok.kind {
            T::Quoted => true,
            T::Word => !tok.kw.is_reserved(),
            _ => false,
        }
    }

    fn is_ident(&self) -> bool {
        self.is_ident_token(self.tok)
    }

    fn ident(&mut self) -> Res<Ident> {
        if !self.is_ident() {
            return self.fail();
        }
        let name = self.name_of(self.tok)?;
        self.advance();
        Ok(name)
    }

    /// A name after a dot or another mark, where reserved words are names too.
    fn any_ident(&mut self) -> Res<Ident> {
        if !matches!(self.tok.kind, T::Word | T::Quoted) {
            return self.fail();
        }
        let name = self.name_of(self.tok)?;
        self.advance();
        Ok(name)
    }

    fn object_name(&mut self) -> Res<ObjectName> {
        let first = self.ident()?;
        if self.eat(T::Dot) {
            return Ok(ObjectName {
                db: Some(first),
                name: self.any_ident()?,
            });
        }
        Ok(ObjectName {
            db: None,
            name: first,
        })
    }

    // Words, strings and numbers as text.

    /// Any unquoted word, in capitals.
    fn upper_word(&mut self) -> Res<Box<str>> {
        if self.tok.kind != T::Word {
            return self.fail();
        }
        let text = self.utf8(self.bytes(self.tok), self.tok)?;
        self.advance();
        Ok(text.to_ascii_uppercase().into())
    }

    fn is_string(&self) -> bool {
        matches!(self.tok.kind, T::Str | T::NStr)
    }

    /// Appends the bytes of one string token.
    fn append_string(&self, tok: Token, out: &mut Vec<u8>) {
        let raw = self.bytes(tok);
        let inner = &raw[1..raw.len() - 1];
        match tok.plain {
            true => out.extend_from_slice(inner),
            false => out.extend(unescape(inner, raw[0], self.options.no_backslash_escapes)),
        }
    }

    /// The bytes of one string token.
    fn string_of(&self, tok: Token) -> Box<[u8]> {
        let raw = self.bytes(tok);
        let raw = match tok.kind {
            T::NStr | T::UserVar => &raw[1..],
            _ => raw,
        };
        let inner = &raw[1..raw.len() - 1];
        if tok.plain {
            return inner.into();
        }
        unescape(inner, raw[0], self.options.no_backslash_escapes).into()
    }

    /// A string, which may be written in several parts.
    fn string_bytes(&mut self) -> Res<Box<[u8]>> {
        if !self.is_string() {
            return self.fail();
        }
        let tok = self.advance();
        let first = self.string_of(tok);
        if self.tok.kind != T::Str {
            return Ok(first);
        }
        let mut all = first.into_vec();
        while self.tok.kind == T::Str {
            let tok = self.advance();
            all.extend_from_slice(&self.string_of(tok));
        }
        Ok(all.into())
    }

    /// A string that is text.
    fn string(&mut self) -> Res<Box<str>> {
        let tok = self.tok;
        let bytes = self.string_bytes()?;
        self.utf8(&bytes, tok)
    }

    /// A string, or a hexadecimal or bit literal, as bytes.
    fn string_or_hex(&mut self) -> Res<Box<[u8]>> {
        match self.tok.kind {
            T::Hex | T::Bit => {
                let tok = self.advance();
                Ok(self.packed(tok))
            }
            _ => self.string_bytes(),
        }
    }

    /// A name or a string.
    fn ident_or_string(&mut self) -> Res<Box<str>> {
        if self.is_string() {
            self.string()
        } else {
            Ok(self.ident()?.0)
        }
    }

    /// A name in any form, `binary` included: a character set or a collation.
    fn charset_name(&mut self) -> Res<Box<str>> {
        if self.is_string() {
            return self.string();
        }
        if self.kw(Kw::BINARY) {
            return Ok(self.any_ident()?.0);
        }
        Ok(self.ident()?.0)
    }

    fn number_text(&mut self) -> Res<Box<str>> {
        if !matches!(self.tok.kind, T::Int | T::Decimal | T::Float) {
            return self.fail();
        }
        let tok = self.advance();
        self.utf8(self.bytes(tok), tok)
    }

    /// An unsigned integer of 64 bits.
    fn integer(&mut self) -> Res<u64> {
        let tok = self.tok;
        if tok.kind == T::Hex {
            let bytes = self.packed(tok);
            if bytes.len() > 8 {
                return self.fail();
            }
            self.advance();
            return Ok(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)));
        }
        if tok.kind != T::Int {
            return self.fail();
        }
        match self.utf8(self.bytes(tok), tok)?.parse() {
            Ok(n) => {
                self.advance();
                Ok(n)
            }
            Err(_) => self.fail(),
        }
    }

    fn integer_u32(&mut self) -> Res<u32> {
        let tok = self.tok;
        let n = self.integer()?;
        u32::try_from(n).map_err(|_| self.unexpected_at(tok.start as usize))
    }

    /// `(n)`
    fn paren_integer(&mut self) -> Res<u64> {
        self.expect(T::LParen)?;
        let n = self.integer()?;
        self.expect(T::RParen)?;
        Ok(n)
    }

    fn opt_paren_u32(&mut self) -> Res<Option<u32>> {
        if !self.eat(T::LParen) {
            return Ok(None);
        }
        let n = self.integer_u32()?;
        self.expect(T::RParen)?;
        Ok(Some(n))
    }

    fn opt_paren_u64(&mut self) -> Res<Option<u64>> {
        if self.is(T::LParen) {
            return self.paren_integer().map(Some);
        }
        Ok(None)
    }

    /// The bytes of a hexadecimal or bit literal.
    fn packed(&self, tok: Token) -> Box<[u8]> {
        let raw = self.bytes(tok);
        let digits = if raw[1] == b'\'' {
            &raw[2..raw.len() - 1]
        } else {
            &raw[2..]
        };
        let bits = if tok.kind == T::Hex { 4 } else { 1 };
        let per_byte = 8 / bits;
        digits
            .rchunks(per_byte)
            .rev()
            .map(|chunk| {
                chunk.iter().fold(0u8, |n, digit| {
                    (n << bits) | (*digit as char).to_digit(16).unwrap_or(0) as u8
                })
            })
            .collect()
    }

    /// The text of a user variable's token, without the at sign and quotes.
    fn user_var_name(&self, tok: Token) -> Res<Box<str>> {
        let raw = self.bytes(tok);
        match raw.get(1) {
            Some(b'`') => {
                let inner = &raw[2..raw.len() - 1];
                self.utf8(&unescape(inner, b'`', true), tok)
            }
            Some(b'\'' | b'"') => self.utf8(&self.string_of(tok), tok),
            _ => self.utf8(&raw[1..], tok),
        }
    }

    fn user_var(&mut self) -> Res<Box<str>> {
        if !self.is(T::UserVar) {
            return self.fail();
        }
        let name = self.user_var_name(self.tok)?;
        self.advance();
        Ok(name)
    }

    /// The source from `start` to the last token, with blanks and comments reduced to one blank.
    fn source_words(&self, start: u32) -> Res<Box<str>> {
        let end = self.prev_end as usize;
        let mut lx = Lexer::new(&self.lx.src[..end.max(start as usize)], self.options);
        lx.pos = start as usize;
        let mut text = Vec::new();
        loop {
            let tok = lx.next();
            if matches!(tok.kind, T::End | T::Bad) {
                break;
            }
            let piece = self.bytes(tok);
            let tight = matches!(tok.kind, T::Comma | T::RParen | T::Dot)
                || matches!(text.last(), None | Some(b'(' | b'.'));
            if !tight {
                text.push(b' ');
            }
            text.extend_from_slice(piece);
        }
        self.utf8(&text, self.tok)
    }

    /// Skips tokens up to the end of the statement, or to a comma, a closing parenthesis or one of
    /// `stops` outside parentheses.
    fn skip_clause(&mut self, stops: &[&str]) -> Res<()> {
        let mut open = 0usize;
        loop {
            match self.tok.kind {
                T::End | T::Semi if open == 0 => return Ok(()),
                T::End | T::Bad => return self.fail(),
                T::Comma | T::RParen if open == 0 => return Ok(()),
                T::LParen => open += 1,
                T::RParen => open -= 1,
                T::Word if open == 0 && stops.iter().any(|stop| self.w(stop)) => return Ok(()),
                _ => {}
            }
            self.advance();
        }
    }

    /// Whether `b` directly follows the current token.
    fn followed_by(&self, b: u8) -> bool {
        self.lx.src.get(self.tok.end as usize) == Some(&b)
    }

    /// A database name that may be written without quotes as `db/branch.x@y`.
    fn database_path(&mut self) -> Res<Ident> {
        let start = self.tok.start;
        if self.is(T::Quoted) && !(self.followed_by(b'/') || self.followed_by(b'@')) {
            return self.ident();
        }
        if !matches!(self.tok.kind, T::Word | T::Quoted | T::Int) {
            return self.fail();
        }
        let mut path = String::new();
        let mut end = start as usize;
        if self.is(T::Quoted) {
            path.push_str(&self.name_of(self.tok)?);
            end = self.tok.end as usize;
        } else if !(self.followed_by(b'/')
            || self.followed_by(b'@')
            || self.followed_by(b'.')
            || self.followed_by(b'-'))
        {
            return self.ident();
        }
        let src = self.lx.src;
        let from = end;
        while end < src.len()
            && (is_name(src[end]) || matches!(src[end], b'/' | b'.' | b'-' | b'@' | b'~' | b'^'))
        {
            end += 1;
        }
        path.push_str(&self.utf8(&src[from..end], self.tok)?);
        self.lx.pos = end;
        self.prev_end = end as u32;
        self.tok = self.lx.next();
        Ok(Ident(path.into()))
    }
}
