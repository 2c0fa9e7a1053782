//! `.dolt/sql-server.info`: how local commands find a running server (spec 01 §15.3).

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use engine::accounts::password;

/// The file while the server runs; dropped, it is gone.
#[derive(Debug)]
pub struct InfoFile {
    path: PathBuf,
    /// Password of `__dolt_local_user__`.
    pub secret: String,
}

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// Process of the server.
    pub pid: u32,
    /// Its TCP port.
    pub port: Option<u16>,
    /// Password of `__dolt_local_user__`.
    pub secret: String,
}

fn uuid() -> String {
    let mut b = password::random::<16>();
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let hex: String = b.iter().map(|b| format!("{b:02x}")).collect();
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

impl InfoFile {
    /// Writes the file in the `.dolt` of the data directory.
    pub fn create(data_dir: &Path, port: Option<u16>) -> io::Result<InfoFile> {
        use std::os::unix::fs::OpenOptionsExt;
        let dir = data_dir.join(".dolt");
        std::fs::create_dir_all(&dir)?;
        let path = dir.join("sql-server.info");
        let secret = uuid();
        // Nobody else may have opened an older file of this name.
        let _ = std::fs::remove_file(&path);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        let port = port.map_or("-".to_string(), |p| p.to_string());
        file.write_all(format!("{}:{port}:{secret}", std::process::id()).as_bytes())?;
        Ok(InfoFile { path, secret })
    }
}

impl Drop for InfoFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Parses the file's text.
pub fn parse(text: &str) -> Result<Info, String> {
    let bad = || "invalid lock file format".to_string();
    let parts: Vec<&str> = text.trim_end().split(':').collect();
    let [pid, port, secret] = parts[..] else {
        return Err(bad());
    };
    let pid = pid.parse().map_err(|_| bad())?;
    let port = match port {
        "-" => None,
        p => Some(p.parse().map_err(|_| bad())?),
    };
    Ok(Info {
        pid,
        port,
        secret: secret.to_string(),
    })
}

/// The running server whose file lies in this directory or one above it; files of processes that
/// are gone do not count.
pub fn find(from: &Path) -> Option<Info> {
    from.ancestors().find_map(read)
}

/// The running server of exactly this directory.
pub fn read(dir: &Path) -> Option<Info> {
    let text = std::fs::read_to_string(dir.join(".dolt/sql-server.info")).ok()?;
    parse(&text).ok().filter(|i| is_alive(i.pid))
}

fn is_alive(pid: u32) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .is_some_and(|p| {
            !matches!(
                rustix::process::test_kill_process(p),
                Err(rustix::io::Errno::SRCH)
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_found_and_removed() {
        let dir = std::env::temp_dir().join(format!("dolt-rs-info-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let inner = dir.join("a/b");
        std::fs::create_dir_all(&inner).expect("made");
        let file = InfoFile::create(&dir, Some(3306)).expect("written");
        let found = find(&inner).expect("found from below");
        assert_eq!((found.pid, found.port), (std::process::id(), Some(3306)));
        assert_eq!(found.secret, file.secret);
        assert_eq!(file.secret.len(), 36);
        drop(file);
        assert_eq!(find(&inner), None);
        let _ = std::fs::remove_dir_all(dir);
    }

    #[test]
    fn formats() {
        assert_eq!(parse("7:-:x").map(|i| i.port), Ok(None));
        for bad in ["", "7", "7:x:y", "x:3306:y", "7:3306", "7:70000:y"] {
            assert_eq!(
                parse(bad),
                Err("invalid lock file format".to_string()),
                "{bad}"
            );
        }
    }
}
