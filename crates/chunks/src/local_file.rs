//! A file of the operating system that can be written past the page cache.
//!
//! A commit writes some ten kilobytes and syncs. Through the page cache these are copied into
//! pages, the pages are found again, marked and written back; with `O_DIRECT` the disk takes them
//! from our buffer. What is written so must begin and end with whole blocks, so the bytes in front
//! are written again as they are, as the page cache would do it, and the space behind, which was
//! written ahead with zeros, gets zeros again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};

use crate::DiskFile;

/// Blocks that every disk takes: those of memory pages.
const BLOCK: usize = 4096;
/// Longest write that goes past the page cache. Longer ones are worth the write-back's order.
const LONGEST: usize = 256 << 10;

/// A file as [`LocalDisk`](crate::LocalDisk) opens it.
pub(crate) struct LocalFile {
    file: File,
    direct: Mutex<Direct>,
}

/// How far writing past the page cache has got.
enum Direct {
    /// Nobody has asked for it.
    Untried,
    /// The file system does not have it.
    Impossible,
    Open(Aligned),
}

/// The file opened once more, with `O_DIRECT`.
struct Aligned {
    file: File,
    /// Whole blocks on their way to the disk, from a multiple of [`BLOCK`] in memory.
    buffer: Vec<u8>,
    /// The last block written and where it lies, unless something else was written since.
    last: Option<(u64, Box<[u8; BLOCK]>)>,
}

impl LocalFile {
    pub fn new(file: File) -> LocalFile {
        LocalFile {
            file,
            direct: Mutex::new(Direct::Untried),
        }
    }

    /// Notes that the file changes in another way.
    fn forget_last(&self) {
        let mut direct = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        if let Direct::Open(aligned) = &mut *direct {
            aligned.last = None;
        }
    }

    /// Whether the bytes were written past the page cache; if not, nothing has happened.
    fn write_direct(&self, bytes: &[u8], at: u64, spare: u64) -> io::Result<bool> {
        let mut direct = self.direct.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*direct, Direct::Untried) {
            *direct = match Aligned::open(&self.file) {
                Some(aligned) => Direct::Open(aligned),
                None => Direct::Impossible,
            };
        }
        let Direct::Open(aligned) = &mut *direct else {
            return Ok(false);
        };
        match aligned.write(&self.file, bytes, at, spare) {
            // Some file systems open a file so and then do not write.
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => {
                *direct = Direct::Impossible;
                Ok(false)
            }
            other => other,
        }
    }
}

impl Aligned {
    #[cfg(target_os = "linux")]
    fn open(file: &File) -> Option<Aligned> {
        use std::os::fd::AsRawFd;
        use std::os::unix::fs::OpenOptionsExt;

        // By descriptor: the directory may have been moved since.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let flags = rustix::fs::OFlags::DIRECT.bits().cast_signed();
        let file = File::options()
            .write(true)
            .custom_flags(flags)
            .open(path)
            .ok()?;
        Some(Aligned {
            file,
            buffer: Vec::new(),
            last: None,
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn open(_file: &File) -> Option<Aligned> {
        None
    }

    /// Writes bytes with what stands in front of them in their first block, and zeros behind them
    /// in their last. `false`: there is no room for these, or there are too many blocks.
    fn write(&mut self, file: &File, bytes: &[u8], at: u64, spare: u64) -> io::Result<bool> {
        let block = BLOCK as u64;
        let start = at - at % block;
        let end = (at + bytes.len() as u64).next_multiple_of(block);
        let zeros = end - (at + bytes.len() as u64);
        if bytes.is_empty() || bytes.len() > LONGEST || zeros > spare {
            return Ok(false);
        }
        let len = (end - start) as usize;
        self.buffer.resize(LONGEST + 3 * BLOCK, 0);
        let from = self.buffer.as_ptr().align_offset(BLOCK);
        let blocks = &mut self.buffer[from..from + len];
        match &self.last {
            Some((place, bytes)) if *place == start => blocks[..BLOCK].copy_from_slice(&bytes[..]),
            // Nothing is in front of them in their block, or it has to be read.
            _ => file.read_exact_at(&mut blocks[..(at - start) as usize], start)?,
        }
        blocks[len - zeros as usize..].fill(0);
        let head = (at - start) as usize;
        blocks[head..head + bytes.len()].copy_from_slice(bytes);
        let mut last = match self.last.take() {
            Some((_, bytes)) => bytes,
            None => Box::new([0; BLOCK]),
        };
        self.file.write_all_at(blocks, start)?;
        last.copy_from_slice(&blocks[len - BLOCK..]);
        self.last = Some((end - block, last));
        Ok(true)
    }
}

impl DiskFile for LocalFile {
    fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        FileExt::read_exact_at(&self.file, bytes, at)
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.forget_last();
        FileExt::write_all_at(&self.file, bytes, at)
    }

    fn write_before_sync(&self, bytes: &[u8], at: u64, spare: u64) -> io::Result<()> {
        match self.write_direct(bytes, at, spare)? {
            true => Ok(()),
            false => self.write_all_at(bytes, at),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.forget_last();
        self.file.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_way_bytes_are_written_the_file_has_them() {
        let dir = crate::file_store::tests::temp_dir("local-file");
        let mut x = 88_172_645_463_325_252u64;
        let mut random = |n: u64| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x % n
        };
        for round in 0..8 {
            let path = dir.join(round.to_string());
            let options = || {
                let mut options = File::options();
                options.read(true).write(true).create(true).truncate(false);
                options
            };
            let file = LocalFile::new(options().open(&path).unwrap());
            let mut model: Vec<u8> = Vec::new();
            for step in 0..300u64 {
                let at = random(model.len() as u64 + 1) as usize;
                match random(8) {
                    0 => {
                        let len = random(300_000) as usize;
                        model.resize(len, 0);
                        file.set_len(len as u64).unwrap();
                    }
                    kind => {
                        // Mostly one after the other, as a journal is written.
                        let at = match kind > 2 {
                            true => at.min(step as usize * 900),
                            false => at,
                        };
                        let bytes = vec![step as u8 | 1; random(20_000) as usize];
                        let end = at + bytes.len();
                        model.resize(model.len().max(end), 0);
                        model[at..end].copy_from_slice(&bytes);
                        let spare = model[end..].iter().take_while(|b| **b == 0).count();
                        match kind == 1 {
                            true => file.write_all_at(&bytes, at as u64).unwrap(),
                            false => file
                                .write_before_sync(&bytes, at as u64, spare as u64)
                                .unwrap(),
                        }
                    }
                }
                assert_eq!(file.size().unwrap(), model.len() as u64);
                if step % 16 == 0 {
                    file.sync().unwrap();
                    assert_eq!(std::fs::read(&path).unwrap(), model, "step {step}");
                }
            }
            let mut all = vec![0; model.len()];
            file.read_exact_at(&mut all, 0).unwrap();
            assert_eq!(all, model);
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
