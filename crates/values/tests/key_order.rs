//! Tuples are in the order of their values: for every encoding and every collation.

#![allow(clippy::unwrap_used)]

use std::cmp::Ordering;

use values::tuple::tuple_of;
use values::{
    Date, DateTime, Decimal, Encoding, FieldDesc, IntWidth, Json, NoBlobs, SqlType, Time,
    TupleDesc, Value, collation, compare, encode_field,
};

struct Random(u64);

impl Random {
    fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.number() % n
    }

    /// Numbers of all sizes, with those around the limits often.
    fn any(&mut self) -> u64 {
        let n = match self.below(4) {
            0 => self.below(4),
            1 => 1u64.rotate_right(1 + self.below(63) as u32),
            _ => self.number() >> self.below(64),
        };
        n.wrapping_add_signed(self.below(3) as i64 - 1)
    }
}

/// A type with a maker of values that it can store.
type Case = (SqlType, fn(&mut Random) -> Value<'static>);

fn integers() -> Vec<Case> {
    let int = |width, unsigned| SqlType::Int {
        width,
        unsigned,
        bool_width: false,
    };
    use IntWidth::*;
    vec![
        (int(Tiny, false), |r| Value::Int((r.any() as i8).into())),
        (int(Tiny, true), |r| Value::UInt((r.any() as u8).into())),
        (int(Small, false), |r| Value::Int((r.any() as i16).into())),
        (int(Small, true), |r| Value::UInt((r.any() as u16).into())),
        (int(Int, false), |r| Value::Int((r.any() as i32).into())),
        (int(Int, true), |r| Value::UInt((r.any() as u32).into())),
        (int(Big, false), |r| Value::Int(r.any() as i64)),
        (int(Big, true), |r| Value::UInt(r.any())),
        (SqlType::Bit(64), |r| Value::UInt(r.any())),
    ]
}

fn others() -> Vec<Case> {
    let decimal = SqlType::Decimal {
        precision: 40,
        scale: 6,
    };
    vec![
        (SqlType::Year, |r| match r.below(5) {
            0 => Value::UInt(0),
            _ => Value::UInt(1901 + r.below(255)),
        }),
        (SqlType::Float, |r| {
            let f = f32::from_bits(r.number() as u32);
            Value::Float(if f.is_finite() { f.into() } else { -0.0 })
        }),
        (SqlType::Double, |r| {
            let f = f64::from_bits(r.number());
            Value::Float(if f.is_finite() { f } else { 0.0 })
        }),
        (decimal, |r| {
            let sign = if r.below(2) == 0 { "-" } else { "" };
            let (whole, part) = (r.any(), r.below(1_000_000));
            Value::Decimal(Decimal::parse(&format!("{sign}{whole}.{part:06}")).unwrap())
        }),
        (SqlType::Date, |r| {
            let (year, month) = (r.below(10_000) as u16, r.below(12) as u8 + 1);
            Value::Date(Date::new(year, month, r.below(28) as u8 + 1).unwrap())
        }),
        (SqlType::Time(6), |r| {
            let most = Time::MAX.0 as u64;
            Value::Time(Time(r.below(2 * most) as i64 - most as i64))
        }),
        (SqlType::DateTime(6), |r| {
            let micros = r.below(200_000_000_000_000_000) as i64 - 50_000_000_000_000_000;
            Value::DateTime(DateTime::from_stored(micros).unwrap())
        }),
        (SqlType::VarBinary(40), |r| {
            let n = r.below(6);
            let bytes = (0..n).map(|_| r.below(3) as u8 * 127);
            Value::Bytes(bytes.collect::<Vec<_>>().into())
        }),
        (SqlType::Json, |r| {
            let text = match r.below(6) {
                0 => format!("{}", r.any() as i32),
                1 => format!("\"{}\"", r.below(100)),
                2 => "null".to_owned(),
                3 => format!("[{}, {}]", r.below(3), r.below(3)),
                4 => format!("{{\"a\": {}}}", r.below(3)),
                _ => format!("{}", r.below(2) == 0),
            };
            Value::Json(Json::parse(&text).unwrap())
        }),
    ]
}

/// A tuple of one field; adaptive ones are inline.
fn tuple(ty: &SqlType, encoding: Encoding, value: &Value<'_>) -> Vec<u8> {
    let mut raw = Vec::new();
    encode_field(encoding, ty, value, &NoBlobs, &mut raw).unwrap();
    tuple_of(&[Some(&raw)]).unwrap()
}

#[test]
fn stored_values_are_in_the_order_of_the_values() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let null = tuple_of(&[None]).unwrap();
    for (ty, make) in integers().into_iter().chain(others()) {
        let encoding = ty.encoding();
        let desc = TupleDesc::new(vec![FieldDesc::new(encoding, true)]);
        for _ in 0..4000 {
            let (a, b) = (make(&mut random), make(&mut random));
            let (x, y) = (tuple(&ty, encoding, &a), tuple(&ty, encoding, &b));
            let (stored, valued) = (desc.compare(&x, &y), compare(&a, &b, None));
            assert_eq!(stored, valued, "{ty:?} in {encoding:?}: {a:?} and {b:?}");
            assert_eq!(desc.compare(&y, &x), stored.reverse());
            assert_eq!(desc.compare(&null, &x), Ordering::Less);
        }
    }
}

fn text(random: &mut Random) -> String {
    const LETTERS: [char; 24] = [
        'a', 'A', 'á', 'Å', 'b', 'B', 'z', 'Z', 'ß', 's', 'ö', 'Ø', 'ñ', 'ł', 'я', 'Я', 'あ', 'ア',
        '日', '-', ' ', '0', '\u{301}', '😀',
    ];
    let n = random.below(5);
    (0..n).map(|_| LETTERS[random.below(24) as usize]).collect()
}

#[test]
fn every_collation_orders_what_it_stores() {
    let mut random = Random(0x0fed_cba9_8765_4321);
    let mut collations = 0;
    for c in collation::all() {
        let ty = SqlType::VarChar(20, c.id);
        let encoding = ty.encoding().in_key();
        let desc = TupleDesc::new(vec![FieldDesc {
            encoding,
            nullable: true,
            collation: Some(c),
        }]);
        let texts: Vec<String> = (0..60).map(|_| text(&mut random)).collect();
        let tuples: Vec<Vec<u8>> = texts
            .iter()
            .map(|text| tuple(&ty, encoding, &Value::text(text.as_str())))
            .collect();
        for (a, x) in texts.iter().zip(&tuples) {
            assert_eq!(desc.compare(x, x), Ordering::Equal);
            for (b, y) in texts.iter().zip(&tuples) {
                let order = desc.compare(x, y);
                let back = desc.compare(y, x);
                assert_eq!(back, order.reverse(), "{}: {a:?} {b:?}", c.name);
                for (d, z) in texts.iter().zip(&tuples).step_by(3) {
                    let chain = [order, desc.compare(y, z)];
                    if chain == [Ordering::Less; 2] || chain == [Ordering::Equal; 2] {
                        let whole = desc.compare(x, z);
                        assert_eq!(whole, order, "{}: {a:?} {b:?} {d:?}", c.name);
                    }
                }
            }
        }
        collations += 1;
    }
    assert!(collations > 50, "{collations}");
}
