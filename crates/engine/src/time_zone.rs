//! Time zones of sessions: SYSTEM, offsets and names.

/// A session's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Seconds east of UTC.
    Fixed(i32),
    /// A zone of the IANA database.
    Named(chrono_tz::Tz),
}

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone::Fixed(0);

    /// Reads `SYSTEM`, `+hh:mm` or a name.
    pub fn parse(text: &str) -> Option<Zone> {
        if text.eq_ignore_ascii_case("SYSTEM") || text.eq_ignore_ascii_case("UTC") {
            return Some(Zone::UTC);
        }
        let bytes = text.as_bytes();
        if let Some(sign @ (b'+' | b'-')) = bytes.first() {
            let (h, m) = text[1..].split_once(':')?;
            let (h, m): (i32, i32) = (h.parse().ok()?, m.parse().ok()?);
            let seconds = h * 3600 + m * 60;
            let seconds = if *sign == b'-' { -seconds } else { seconds };
            let within = (0..60).contains(&m) && (-50_340..=50_400).contains(&seconds);
            return within.then_some(Zone::Fixed(seconds));
        }
        chrono_tz::Tz::from_str_insensitive(text)
            .ok()
            .map(Zone::Named)
    }

    /// Offset in seconds at an instant of UTC, in microseconds since 1970.
    pub fn offset_at(self, utc_micros: i64) -> i32 {
        match self {
            Zone::Fixed(s) => s,
            Zone::Named(tz) => {
                use chrono::{Offset, TimeZone};
                let seconds = utc_micros.div_euclid(1_000_000);
                let Some(utc) = chrono::DateTime::from_timestamp(seconds, 0) else {
                    return 0;
                };
                tz.offset_from_utc_datetime(&utc.naive_utc())
                    .fix()
                    .local_minus_utc()
            }
        }
    }

    /// Local time of an instant, both in microseconds since 1970.
    pub fn to_local(self, utc_micros: i64) -> i64 {
        utc_micros + i64::from(self.offset_at(utc_micros)) * 1_000_000
    }

    /// The instant of a local time; a time that the clocks leave out moves on by the gap.
    pub fn to_utc(self, local_micros: i64) -> i64 {
        let first = local_micros - i64::from(self.offset_at(local_micros)) * 1_000_000;
        let second = local_micros - i64::from(self.offset_at(first)) * 1_000_000;
        if self.to_local(second) == local_micros {
            second
        } else {
            first
        }
    }
}
