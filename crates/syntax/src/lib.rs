//! MySQL 8 lexer, parser, abstract syntax tree and SQL printer.
