// mysql2 against a running server.
import assert from 'node:assert/strict';
import mysql from 'mysql2/promise';

const base = { host: process.env.DOLT_HOST ?? '127.0.0.1', port: Number(process.env.DOLT_PORT ?? 3306), user: 'root' };
const tests = [];
const test = (name, run) => tests.push([name, run]);
const refused = async (promise) => {
  try {
    await promise;
  } catch (e) {
    return { errno: e.errno, sqlState: e.sqlState, message: e.sqlMessage ?? e.message };
  }
  assert.fail('an error was expected');
};
const one = async (c, sql, args) => (await c.query(sql, args))[0][0];

let c;

test('connect and create', async () => {
  c = await mysql.createConnection({ ...base, multipleStatements: true });
  await c.query('create database shop');
  await c.changeUser({ database: 'shop' });
  assert.equal((await one(c, 'select database() as d')).d, 'shop');
  await c.query(`create table sq_schema (id int primary key auto_increment, name varchar(40) not null,
    flag tinyint(1) not null default 0, price decimal(10,2), at datetime(3), doc json, bits bit(5), raw blob, unique key n (name))`);
});

test('values survive both protocols', async () => {
  const at = new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678));
  const [ok] = await c.execute('insert into sq_schema (name, flag, price, at, doc, bits, raw) values (?, ?, ?, ?, ?, ?, ?)',
    ['é😀', true, '12.30', at, JSON.stringify({ a: [1, null] }), 5, Buffer.from([0, 255])]);
  assert.equal(ok.insertId, 1);
  assert.equal(ok.affectedRows, 1);
  for (const rows of [(await c.query('select * from sq_schema'))[0], (await c.execute('select * from sq_schema where id = ?', [1]))[0]]) {
    assert.equal(rows.length, 1);
    const r = rows[0];
    assert.equal(r.name, 'é😀');
    assert.equal(r.flag, 1);
    assert.equal(r.price, '12.30');
    assert.deepEqual(r.doc, { a: [1, null] });
    assert.deepEqual([...r.bits], [5]);
    assert.deepEqual([...r.raw], [0, 255]);
    assert.equal(r.at.getMilliseconds(), 678);
  }
});

test('column metadata', async () => {
  const [, fields] = await c.query('select id as number, flag, bits, name, price, 1 + 1 as two from sq_schema as s');
  const f = Object.fromEntries(fields.map((x) => [x.name, x]));
  assert.equal(f.number.orgName, 'id');
  assert.equal(f.number.orgTable, 'sq_schema');
  assert.equal(f.number.table, 's');
  assert.equal(f.number.db ?? f.number.schema, 'shop');
  assert.equal(f.flag.columnLength, 1, 'tinyint(1) is as wide as a truth value');
  assert.equal(f.flag.flags & 1, 1, 'NOT NULL');
  assert.equal(f.number.flags & 2, 2, 'primary key');
  for (const n of ['number', 'flag', 'bits', 'price', 'two']) assert.equal(f[n].characterSet, 63, n);
  assert.notEqual(f.name.characterSet, 63);
  assert.equal(f.two.orgName, '');
});

test('a typeCast for truth values works', async () => {
  const typed = await mysql.createConnection({
    ...base, database: 'shop',
    typeCast: (field, next) => (field.type === 'TINY' && field.length === 1 ? field.string() === '1' : next()),
  });
  assert.equal((await one(typed, 'select flag from sq_schema')).flag, true);
  await typed.end();
});

test('errors have numbers and SQLSTATEs', async () => {
  for (const [sql, errno, sqlState] of [
    ["insert into sq_schema (name) values ('é😀')", 1062, '23000'],
    ['insert into sq_schema (name) values (null)', 1048, '23000'],
    ['select * from nowhere', 1146, '42S02'],
    ['select nothing from sq_schema', 1054, '42S22'],
    ['selec 1', 1064, '42000'],
    ['release savepoint s', 1305, '42000'],
    ['use nowhere', 1049, '42000'],
  ]) {
    const e = await refused(c.query(sql));
    assert.deepEqual([e.errno, e.sqlState], [errno, sqlState], `${sql}: ${e.message}`);
  }
  const e = await refused(c.query("insert into sq_schema (name) values ('é😀')"));
  assert.match(e.message, /^Duplicate entry 'é😀' for key 'sq_schema\.n'$/);
});

test('an error within several statements is the last answer', async () => {
  const e = await refused(c.query('select 1; select * from nowhere; select 2'));
  assert.equal(e.errno, 1146);
  assert.equal((await one(c, 'select 3 as three')).three, 3);
  const [results] = await c.query('select 1 as a; select 2 as b');
  assert.deepEqual(results.map((r) => r[0]), [{ a: 1 }, { b: 2 }]);
});

test('release savepoint after an implicit commit', async () => {
  await c.query('BEGIN;');
  await c.query('SAVEPOINT trx2;');
  await c.query('create table implicit_commit (id int primary key)');
  const e = await refused(c.query('RELEASE SAVEPOINT trx2;'));
  assert.equal(e.errno, 1305);
  assert.equal(e.message, 'SAVEPOINT trx2 does not exist');
  await c.query('COMMIT;');
});

test('a database that is not there', async () => {
  const e = await refused(mysql.createConnection({ ...base, database: 'nowhere' }));
  assert.deepEqual([e.errno, e.sqlState], [1049, '42000']);
  assert.match(e.message, /Unknown database 'nowhere'/);
});

test('passwords', async () => {
  await c.query("create user carol identified with caching_sha2_password by 'carol-secret'");
  await c.query("create user alice identified with mysql_native_password by 'alice-secret'");
  await c.query('grant all on *.* to carol, alice');
  for (const [user, password] of [['carol', 'carol-secret'], ['carol', 'carol-secret'], ['alice', 'alice-secret']]) {
    const other = await mysql.createConnection({ ...base, user, password });
    assert.match((await one(other, 'select current_user() as u')).u, new RegExp(`^${user}@`));
    await other.end();
  }
  for (const [user, password] of [['carol', 'x'], ['alice', 'x'], ['alice', ''], ['nobody', ''], ['nobody', 'x'], ['root', 'x']]) {
    const e = await refused(mysql.createConnection({ ...base, user, password }));
    assert.deepEqual([e.errno, e.sqlState], [1045, '28000'], user);
  }
});

test('change of user and reset', async () => {
  const other = await mysql.createConnection(base);
  await other.query('set @v = 1');
  await other.changeUser({ user: 'alice', password: 'alice-secret', database: 'shop' });
  const row = await one(other, 'select @v as v, database() as d, user() as u');
  assert.equal(row.v, null);
  assert.equal(row.d, 'shop');
  assert.match(row.u, /^alice@/);
  await other.query('set @v = 2');
  await other.reset();
  const after = await one(other, 'select @v as v, database() as d');
  assert.deepEqual([after.v, after.d], [null, 'shop']);
  const e = await refused(other.changeUser({ user: 'alice', password: 'wrong' }));
  assert.equal(e.errno, 1045);
  other.destroy();
});

test('transactions', async () => {
  await c.beginTransaction();
  await c.query("insert into sq_schema (name) values ('rolled back')");
  await c.rollback();
  assert.equal((await one(c, 'select count(*) as n from sq_schema')).n, 1);
});

test('the statements of a versioned application', async () => {
  await c.query("SET @@dolt_head_committer_email='dev@example.com'");
  await c.query("SET @@dolt_head_committer_name='Dev'");
  await c.query('create table my_table (id int primary key, v int)');
  await c.query("CALL dolt_add('sq_schema','my_table')");
  const [[{ hash }]] = await c.query("CALL dolt_commit('-m','schema v1.0')");
  assert.match(hash, /^[0-9a-v]{32}$/);
  await c.query("CALL dolt_tag('edc-v1.0-certified')");
  const [[out]] = await c.query("CALL dolt_checkout('-b','schema/edc-v1.1-staging')");
  assert.equal(out.status, 0);
  await c.query("insert into sq_schema (name) values ('staged')");
  await c.query("CALL dolt_add('sq_schema')");
  await c.query("CALL dolt_commit('-m','v1.1')");
  await c.query("CALL dolt_checkout('main')");
  const [diff] = await c.query("SELECT * FROM dolt_diff('main','schema/edc-v1.1-staging','sq_schema')");
  assert.equal(diff.length, 1);
  assert.equal(diff[0].diff_type, 'added');
  const [[merged]] = await c.query("CALL dolt_merge('schema/edc-v1.1-staging')");
  assert.equal(merged.fast_forward, 1);
  await c.query('insert into my_table values (1, 1)');
  await c.query("CALL dolt_reset('--hard')");
  assert.equal((await one(c, 'select count(*) as n from my_table')).n, 0);
  const [log] = await c.query('SELECT commit_hash, committer, committer_email, message, date FROM dolt_log ORDER BY date DESC LIMIT 10');
  assert.equal(log[0].message, 'v1.1');
  assert.equal(log[0].committer_email, 'dev@example.com');
  await c.query('CALL dolt_revert(?)', [log[0].commit_hash]);
  await c.query("CALL dolt_tag('edc-v1.1-certified')");
  const [then] = await c.query("SELECT * FROM sq_schema AS OF 'edc-v1.0-certified'");
  assert.equal(then.length, 1);
  const [prepared] = await c.execute('SELECT * FROM sq_schema AS OF ?', ['edc-v1.0-certified']);
  assert.equal(prepared.length, 1);
  await c.query("SELECT * FROM my_table AS OF 'main~1'");
});

test('a branch in the name of the database', async () => {
  const other = await mysql.createConnection({ ...base, database: 'shop/schema/edc-v1.1-staging' });
  assert.equal((await one(other, 'select active_branch() as b')).b, 'schema/edc-v1.1-staging');
  assert.equal((await one(other, 'select count(*) as n from sq_schema')).n, 2);
  await other.end();
});

let failures = 0;
for (const [name, run] of tests) {
  try {
    await run();
    console.log(`ok   mysql2: ${name}`);
  } catch (e) {
    failures += 1;
    console.log(`FAIL mysql2: ${name}\n     ${String(e.stack ?? e).replaceAll('\n', '\n     ')}`);
    if (!c) break;
  }
}
c?.destroy();
process.exit(failures ? 1 : 0);
