//! Times in the user's zone.

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;

fn zone() -> Tz {
    let named = |name: &str| name.parse::<Tz>().ok();
    if let Ok(tz) = std::env::var("TZ") {
        return named(tz.trim_start_matches(':')).unwrap_or(Tz::UTC);
    }
    let link = std::fs::read_link("/etc/localtime").ok();
    link.and_then(|path| {
        let text = path.to_string_lossy().into_owned();
        let (_, name) = text.split_once("zoneinfo/")?;
        named(name)
    })
    .unwrap_or(Tz::UTC)
}

/// `Mon Jan 02 15:04:05 -0700 2006`, rounded to the second.
pub fn ruby_date(millis: i64) -> String {
    let seconds = millis.saturating_add(500).div_euclid(1000);
    let utc = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
    let local = zone().from_utc_datetime(&utc.naive_utc());
    local.format("%a %b %d %H:%M:%S %z %Y").to_string()
}

/// `2006-01-02 15:04:05.999 -0700 MST`, without zeroes at the end of the fraction.
pub fn go_time(millis: i64) -> String {
    let utc = DateTime::<Utc>::from_timestamp_millis(millis).unwrap_or_default();
    let local = zone().from_utc_datetime(&utc.naive_utc());
    let fraction = match millis.rem_euclid(1000) {
        0 => String::new(),
        n => format!(".{n:03}").trim_end_matches('0').to_string(),
    };
    format!(
        "{}{fraction} {}",
        local.format("%Y-%m-%d %H:%M:%S"),
        local.format("%z %Z")
    )
}

/// The day, and the seconds of it, as saved journals are named.
pub fn journal_stamp() -> String {
    use chrono::Timelike;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seconds = since.map_or(0, |d| d.as_secs() as i64);
    let utc = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
    let local = zone().from_utc_datetime(&utc.naive_utc());
    let seconds = local.num_seconds_from_midnight();
    format!("{}_{seconds:05}", local.format("%Y_%m_%d"))
}
