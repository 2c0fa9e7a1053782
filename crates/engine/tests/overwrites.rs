//! An UPDATE that keeps a row's bytes but for one value leaves what one that encodes every row
//! anew leaves: the same statements on a table, and on one with a check beside it.

#![allow(clippy::unwrap_used)]

mod sessions;

use sessions::{instance, run, session, try_run};

const COLUMNS: &str = "id int primary key, n int, u smallint unsigned not null, d decimal(8,3),
    f double, t datetime(3), v varchar(20), c char(4) not null default 'c', e enum('x','yy','zzz'),
    b bit(9), y year, w time(2), j int, key (j)";

const STATEMENTS: &[&str] = &[
    "update t set n = n + 1",
    "update t set n = n where id < 50",
    "update t set n = case when id % 3 = 0 then null else id end where id % 2 = 0",
    "update t set n = coalesce(n, -1) where id < 90",
    "update t set u = u * 3 where id in (1, 7, 900)",
    "update t set u = 70000 where id = 12",
    "update ignore t set u = u * 30 where id < 200",
    "update ignore t set u = null where id < 20",
    "update t set u = null where id = 3",
    "update t set d = d * 1.5 where j between 10 and 700",
    "update t set d = -d, n = 3 where id < 9",
    "update t set f = f / 3 where id > 40",
    "update t set f = -f where id = 0",
    "update t set t = date_add(t, interval id * 1001 microsecond)",
    "update t set v = upper(v) where id % 5 = 1",
    "update t set v = concat(v, id) where id < 30",
    "update t set v = '' where id = 31",
    "update t set v = repeat('long ', 9) where id = 31",
    "update t set c = lower(hex(id % 250)) where id % 7 = 2",
    "update t set e = 1 + id % 3",
    "update t set e = 'nothing' where id = 5",
    "update t set b = b'100000001' where id < 100",
    "update t set y = 1990 + id % 60, n = id",
    "update t set y = 2010 where id < 12",
    "update t set w = addtime(w, '00:00:01.25') where id < 600",
    "update t set j = j + 1 where j > 400",
    "update t set n = (select count(*) from u where u.id < t.id) where id < 40",
    "update t set n = n + 1 where n between 3 and 9 order by id desc limit 5",
    "update t set n = n + 1 where j > 20 limit 17",
    "update t set n = @n := @n + 1 where id < 40",
];

#[test]
fn rows_are_the_same_as_if_they_were_encoded_anew() {
    let instance = instance();
    let s = session(&instance, 1);
    for (db, check) in [("plain", ""), ("checked", ", constraint k check (id >= 0)")] {
        run(&s, &format!("create database {db}"));
        run(&s, &format!("use {db}"));
        run(&s, &format!("create table t ({COLUMNS}{check})"));
        run(&s, "create table u (id int primary key)");
        run(&s, "insert into u values (1), (10), (30)");
        run(
            &s,
            "insert into t with recursive r as (select 0 as i union all select i + 1 from r
             where i < 999) select i, i * 7 - 300, i % 300, i / 8, i * 1e3,
             date_add('2024-01-01', interval i second), concat('v', i), 'abcd', 'yy', i % 512,
             2000, sec_to_time(i), i from r",
        );
        run(
            &s,
            "update t set v = null, t = null, d = null where id % 11 = 0",
        );
    }
    for sql in STATEMENTS {
        let outcome = |db: &str| {
            run(&s, &format!("use {db}"));
            run(&s, "set @n = 0");
            let done = try_run(&s, sql);
            let warnings = run(&s, "show warnings");
            (done, warnings, run(&s, "select * from t order by id"))
        };
        assert_eq!(outcome("plain"), outcome("checked"), "{sql}");
    }
    run(&s, "alter table checked.t drop check k");
    let hash = |db: &str| {
        run(&s, &format!("use {db}"));
        run(&s, "select dolt_hashof_table('t')")
    };
    assert_eq!(hash("plain"), hash("checked"));
}
