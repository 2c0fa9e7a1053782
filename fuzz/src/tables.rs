//! Files of rows that other programs wrote.

use std::io::Cursor;

/// Files that `dolt table import` may meet, as other writers make them.
pub fn parquet_seeds() -> Vec<Vec<u8>> {
    [
        &include_bytes!("../../crates/parquet/tests/files/snappy_dictionary.parquet")[..],
        include_bytes!("../../crates/parquet/tests/files/zstd_v2.parquet"),
        include_bytes!("../../crates/parquet/tests/files/gzip_groups.parquet"),
        include_bytes!("../../crates/parquet/tests/files/plain_v2_dictionary.parquet"),
    ]
    .map(<[u8]>::to_vec)
    .into()
}

/// A Parquet file: its columns, its rows up to the first error.
pub fn parquet(data: &[u8]) {
    let Ok(mut reader) = parquet::Reader::open(Cursor::new(data)) else {
        return;
    };
    let columns = reader.columns().len();
    while let Ok(Some(row)) = reader.next_row() {
        assert_eq!(row.len(), columns);
    }
}
