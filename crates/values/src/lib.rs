//! MySQL values and types: encodings of columns, tuples and their order, decimals, dates, JSON, character sets and collations.
