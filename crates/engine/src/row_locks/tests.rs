use std::sync::Arc;
use std::time::{Duration, Instant};

use values::{Encoding, FieldDesc, TupleBuilder, TupleDesc};

use super::*;

const LONG: Patience = Patience::Waits(Duration::from_secs(20));

fn key(n: u8) -> LockedKey {
    let desc = Arc::new(TupleDesc::new(vec![FieldDesc::new(Encoding::Uint8, false)]));
    let mut tuple = TupleBuilder::new();
    tuple.push(Some(&[n]));
    let bytes = tuple.finish().expect("one field fits");
    LockedKey {
        index: None,
        key: OverlayKey::new(&desc, &bytes),
    }
}

fn wish(
    held: &mut HeldLocks,
    key: Option<LockedKey>,
    mode: LockMode,
    patience: Patience,
) -> Result<Taken> {
    let table = || LockedTable {
        database: "d".into(),
        branch: "main".into(),
        table: "t".into(),
        schema: Hash::default(),
    };
    held.take(|t| *t == table(), table, key, mode, patience, &|| Ok(()))
}

fn take(held: &mut HeldLocks, n: u8, mode: LockMode, patience: Patience) -> Result<Taken> {
    wish(held, Some(key(n)), mode, patience)
}

use LockMode::{Exclusive, Shared};

fn wait_until(locks: &RowLocks, waiting: usize) {
    while locks.waiting() != waiting {
        std::thread::yield_now();
    }
}

#[test]
fn shared_locks_go_together_and_exclusive_ones_do_not() {
    let locks = Arc::new(RowLocks::default());
    let mut a = HeldLocks::new(&locks, true);
    let mut b = HeldLocks::new(&locks, false);
    assert_eq!(take(&mut a, 1, Shared, LONG), Ok(Taken::Now));
    assert_eq!(take(&mut b, 1, Shared, LONG), Ok(Taken::Now));
    assert_eq!(take(&mut b, 1, Shared, LONG), Ok(Taken::Before));
    assert_eq!(
        take(&mut a, 1, Exclusive, Patience::NoWait),
        Err(Error::lock_nowait())
    );
    assert_eq!(
        take(&mut a, 1, Exclusive, Patience::Skips),
        Ok(Taken::Skipped)
    );
    drop(b);
    assert_eq!(take(&mut a, 1, Exclusive, LONG), Ok(Taken::Before));
    let mut c = HeldLocks::new(&locks, false);
    assert_eq!(take(&mut c, 1, Shared, Patience::Skips), Ok(Taken::Skipped));
    assert_eq!(take(&mut c, 2, Exclusive, Patience::Skips), Ok(Taken::Now));
    assert!(locks.are_held());
    drop(a);
    assert!(!locks.are_held());
    drop(c);
    let state = locks.state();
    assert_eq!((state.count, state.tables.len()), (0, 0));
}

#[test]
fn a_table_as_a_whole_excludes_its_rows() {
    let locks = Arc::new(RowLocks::default());
    let mut a = HeldLocks::new(&locks, true);
    let mut b = HeldLocks::new(&locks, true);
    take(&mut a, 1, Exclusive, LONG).expect("free");
    assert_eq!(
        wish(&mut b, None, Exclusive, Patience::Skips),
        Ok(Taken::Skipped)
    );
    assert_eq!(
        wish(&mut a, None, Exclusive, Patience::Skips),
        Ok(Taken::Now)
    );
    assert_eq!(take(&mut b, 2, Shared, Patience::Skips), Ok(Taken::Skipped));
    assert_eq!(take(&mut a, 2, Exclusive, LONG), Ok(Taken::Before));
    drop(a);
    assert_eq!(take(&mut b, 2, Shared, Patience::Skips), Ok(Taken::Now));
}

#[test]
fn they_come_in_order() {
    let locks = Arc::new(RowLocks::default());
    let mut a = HeldLocks::new(&locks, true);
    take(&mut a, 1, Exclusive, LONG).expect("free");
    let order = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for n in 0..5 {
            let (locks, order) = (&locks, &order);
            scope.spawn(move || {
                let mut own = HeldLocks::new(locks, true);
                take(&mut own, 1, Exclusive, LONG).expect("its turn comes");
                order.lock().expect("nobody panics").push(n);
            });
            wait_until(locks, n + 1);
        }
        drop(a);
    });
    assert_eq!(order.into_inner().expect("nobody panics"), [0, 1, 2, 3, 4]);
}

#[test]
fn a_circle_of_three_is_seen_by_the_last() {
    let locks = Arc::new(RowLocks::default());
    let mut held: Vec<HeldLocks> = (0..3).map(|_| HeldLocks::new(&locks, true)).collect();
    for (n, h) in held.iter_mut().enumerate() {
        take(h, n as u8, Exclusive, LONG).expect("free");
    }
    let last = held.pop();
    std::thread::scope(|scope| {
        for (n, mut h) in held.into_iter().enumerate() {
            scope.spawn(move || {
                take(&mut h, n as u8 + 1, Exclusive, LONG).expect("the circle was broken");
            });
            wait_until(&locks, n + 1);
        }
        let mut last = last;
        let start = Instant::now();
        let taken = take(last.as_mut().expect("it is there"), 0, Exclusive, LONG);
        assert_eq!(taken, Err(Error::deadlock()));
        assert!(start.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn who_wants_more_of_a_row_goes_before_who_waits_for_him() {
    let locks = Arc::new(RowLocks::default());
    let mut a = HeldLocks::new(&locks, true);
    take(&mut a, 1, Shared, LONG).expect("free");
    std::thread::scope(|scope| {
        let locks = &locks;
        scope.spawn(move || {
            let mut b = HeldLocks::new(locks, true);
            take(&mut b, 1, Exclusive, LONG).expect("its turn comes");
        });
        wait_until(locks, 1);
        assert_eq!(
            take(&mut a, 1, Exclusive, Patience::NoWait),
            Ok(Taken::Before)
        );
        drop(a);
    });
}

#[test]
fn patience_ends() {
    let locks = Arc::new(RowLocks::default());
    let mut a = HeldLocks::new(&locks, true);
    let mut b = HeldLocks::new(&locks, true);
    take(&mut a, 1, Exclusive, LONG).expect("free");
    let short = Patience::Waits(Duration::from_millis(30));
    assert_eq!(
        take(&mut b, 1, Shared, short),
        Err(Error::lock_wait_timeout())
    );
    let killed = || Err(Error::query_interrupted());
    let table = || LockedTable {
        database: "d".into(),
        branch: "main".into(),
        table: "t".into(),
        schema: Hash::default(),
    };
    let given_up = b.take(
        |t| *t == table(),
        table,
        Some(key(1)),
        Shared,
        LONG,
        &killed,
    );
    assert_eq!(given_up, Err(Error::query_interrupted()));
    assert_eq!(locks.waiting(), 0);
}
