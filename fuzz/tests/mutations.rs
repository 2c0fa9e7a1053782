//! A short run of every target, always the same.

use decoder_fuzz::TARGETS;
use decoder_fuzz::mutation::drive;

#[test]
fn damaged_bytes_give_errors() {
    for target in TARGETS {
        let figures = drive(target, 7, &mut |_| {}, &mut |n| n >= 1500);
        println!("{}: {figures:?}", target.name);
    }
}

/// What once made a decoder panic: `regressions/TARGET/what-it-was`.
#[test]
fn what_was_wrong_once_is_an_error_now() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut read = 0;
    for target in TARGETS {
        let Ok(entries) = std::fs::read_dir(dir.join(target.name)) else {
            continue;
        };
        for entry in entries.flatten() {
            let bytes = std::fs::read(entry.path()).expect("a file of bytes");
            (target.run)(&bytes);
            read += 1;
        }
    }
    assert!(read > 0);
}
