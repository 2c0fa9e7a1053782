//! What is written is read again; damaged files are errors.

use std::io::Cursor;

use parquet::{Cell, Kind, NewColumn, Physical, Reader, Unit, Writer};

fn column(name: &str, physical: Physical, kind: Kind, optional: bool) -> NewColumn {
    NewColumn {
        name: name.into(),
        physical,
        kind,
        optional,
    }
}

fn rows() -> Vec<Vec<Cell>> {
    (0..1000)
        .map(|i: i64| {
            vec![
                Cell::Int(i),
                match i % 3 {
                    0 => Cell::Null,
                    _ => Cell::Bytes(format!("text {i}").into_bytes()),
                },
                Cell::Double(i as f64 / 4.0),
                match i % 2 {
                    0 => Cell::Int(-i),
                    _ => Cell::Null,
                },
            ]
        })
        .collect()
}

fn file() -> Vec<u8> {
    let decimal = Kind::Decimal {
        precision: 9,
        scale: 5,
    };
    let mut writer = Writer::new(vec![
        column("pk", Physical::Int64, Kind::Signed, false),
        column("t", Physical::Bytes, Kind::Text, true),
        column("d", Physical::Double, Kind::Plain, true),
        column("n", Physical::Int32, decimal, true),
    ]);
    let mut out = Vec::new();
    for row in rows() {
        writer.row(&row, &mut out).expect("a row");
    }
    writer.finish(&mut out).expect("a file");
    out
}

fn read(bytes: &[u8]) -> parquet::Result<Vec<Vec<Cell>>> {
    let mut reader = Reader::open(Cursor::new(bytes))?;
    let mut out = Vec::new();
    while let Some(row) = reader.next_row()? {
        out.push(row);
    }
    Ok(out)
}

#[test]
fn rows_come_back() {
    let file = file();
    let reader = Reader::open(Cursor::new(&file)).expect("a file");
    let names: Vec<_> = reader.columns().iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["pk", "t", "d", "n"]);
    assert!(matches!(
        reader.columns()[3].kind,
        Kind::Decimal {
            precision: 9,
            scale: 5
        }
    ));
    assert_eq!(read(&file).expect("rows"), rows());
}

#[test]
fn a_file_without_rows_has_columns() {
    let kind = Kind::Timestamp(Unit::Micros);
    let writer = Writer::new(vec![column("at", Physical::Int64, kind, true)]);
    let mut out = Vec::new();
    writer.finish(&mut out).expect("a file");
    let mut reader = Reader::open(Cursor::new(&out)).expect("a file");
    assert_eq!(reader.columns()[0].kind, kind);
    assert_eq!(reader.next_row().expect("no row"), None);
}

#[test]
fn damaged_files_are_errors_or_other_rows_but_never_panics() {
    let file = file();
    for len in 0..file.len() {
        assert!(read(&file[..len]).is_err(), "{len} bytes");
    }
    let mut seed = 1u64;
    for _ in 0..5000 {
        let mut damaged = file.clone();
        for _ in 0..3 {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let at = (seed >> 33) as usize % damaged.len();
            damaged[at] = (seed >> 20) as u8;
        }
        let _ = read(&damaged);
    }
}

/// Files of Apache Arrow's writer (26.0): pages of both versions, dictionaries, three codecs,
/// several groups, lists.
#[test]
fn files_of_other_writers_are_read() {
    let files: [&[u8]; 4] = [
        include_bytes!("files/snappy_dictionary.parquet"),
        include_bytes!("files/zstd_v2.parquet"),
        include_bytes!("files/gzip_groups.parquet"),
        include_bytes!("files/plain_v2_dictionary.parquet"),
    ];
    for (n, file) in files.into_iter().enumerate() {
        let rows = read(file).unwrap_or_else(|e| panic!("file {n}: {e}"));
        assert_eq!(rows.len(), 40, "file {n}");
        for (i, row) in (0..).zip(rows) {
            let or_null = |null: bool, cell: Cell| match null {
                true => Cell::Null,
                false => cell,
            };
            assert_eq!(row[0], Cell::Int(i), "file {n}");
            assert_eq!(row[1], or_null(i % 5 == 0, Cell::Int(i * 3 - 20)));
            assert_eq!(row[2], Cell::Bool(i % 3 == 0));
            let text = Cell::Bytes(format!("text {}", i % 4).into_bytes());
            assert_eq!(row[3], or_null(i % 7 == 0, text));
            assert_eq!(row[4], Cell::Double(i as f64 / 8.0));
            assert_eq!(row[5], Cell::Int(19_723 + i));
            assert_eq!(row[6], Cell::Int(1_704_067_200_000_000 + i * 1_000_000));
            let list = Cell::List((0..i % 4).map(Cell::Int).collect());
            assert_eq!(row[8], or_null(i % 6 == 0, list));
        }
    }
}
